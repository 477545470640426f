import Bytes
import Endings
import HTTP
import HTTP1
import JSON
import Peers
import Testing
import Transport

@testable import Console

/// Requests that are nearly right, and others: whatever comes, every answer is one, and the console
/// goes on. `FUZZ_ITERATIONS` and `FUZZ_SEED` are for longer walks.
@Suite struct FuzzTests {
    private static let samples = [
        request("GET", "/things?limit=3&tag=a"), request("HEAD", "/things/x"),
        request("GET", "/openapi.json"), request("GET", "/later"),
        request(
            "PUT", "/things/%41?dry_run=true", fields: ["If-Match: \"1\", W/\"2\""],
            json: #"{"size":7,"note":"접","tags":["a"]}"#),
        request("DELETE", "/things/x", fields: ["If-Match: *", "Connection: close"]),
        request("POST", "/echo", json: #"{"a":[1,2.5e3,{"b":null}],"c":"\u0041"}"#),
        request(
            "POST", "/echo",
            fields: [
                "Content-Type: application/json; charset=utf-8", "Transfer-Encoding: chunked",
                "Expect: 100-continue",
            ]) + "3;x\r\n[1,\r\n2\r\n2]\r\n0\r\nA: b\r\n\r\n",
        request("GET", "/things", token: nil), request("OPTIONS", "*"),
    ]

    /// What requests are made of, to be put where it does not belong.
    private static let pieces = [
        "\r\n", "\r\n\r\n", "%", "%2f", "%00", "/../", "?", "&", "=", "{", "}", "[", "\"", "\\u",
        "HTTP/1.0", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Expect: x\r\n",
        "Origin: x\r\n", "Host: y\r\n", "If-Match: \r\n", "9999999999999999999", "-1", "\0",
        "\u{FFFD}", "true", "null", "Authorization: Bearer x\r\n",
    ]

    private static func mutated(_ generator: inout SeededGenerator) -> [UInt8] {
        var octets: [UInt8] = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            octets += Array((samples.randomElement(using: &generator) ?? "").utf8)
        }
        for _ in 0..<Int.random(in: 0...4, using: &generator) where !octets.isEmpty {
            let index = Int.random(in: octets.indices, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: octets[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: octets.remove(at: index)
            case 2: octets.insert(contentsOf: octets[index...].prefix(40), at: index)
            case 3: octets.removeSubrange(index..<min(octets.count, index + 10))
            case _:
                octets.insert(
                    contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: index)
            }
        }
        return octets
    }

    @Test func `whatever comes on a connection, what goes back is HTTP`() throws {
        var generator = SeededGenerator(state: fuzzSeed)
        // Strangers on one address would soon be sent away all alike, so each walk is its own.
        for walk in 0..<max(1, fuzzIterations / 30) {
            let console = try TestConsole {
                $0.headTime = .milliseconds(20)
                $0.bodyTime = .milliseconds(20)
                $0.idleTime = .milliseconds(20)
                $0.lingerTime = .milliseconds(20)
            }
            for step in 0..<30 {
                let octets = Self.mutated(&generator)
                let visitor = try console.visit()
                var rest = octets[...]
                while !rest.isEmpty {
                    let size = Int.random(in: 1...max(1, rest.count), using: &generator)
                    visitor.driver.send(Array(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                }
                try visitor.driver.run { $0.ending != nil }
                let reason = Self.objection(to: visitor.driver.received)
                let place: Comment = "walk \(walk), step \(step): \(octets[...].text)"
                #expect(reason == nil, place)
            }
        }
    }

    /// What is not as it should be in all that came back.
    private static func objection(to octets: [UInt8]) -> String? {
        var rest = octets[...]
        while !rest.isEmpty {
            // Whether `HEAD` was asked cannot be told; either reading must do.
            let readings = [false, true].compactMap { try? Reply(Array(rest), isHead: $0) }
            guard let reply = readings.first(where: { isWhole($0, in: rest) }) else {
                return "no answer: \(rest.text)"
            }
            if ![
                100, 200, 204, 400, 401, 403, 404, 405, 408, 411, 412, 413, 414, 415, 417, 428,
                429, 431, 501, 505,
            ].contains(reply.status) {
                return "status \(reply.status)"
            }
            if reply.status != 100, reply.field("Cache-Control") != "no-store" { return "kept" }
            if reply.status >= 400, !reply.body.isEmpty,
                reply.member("status") != .whole(reply.status)
            {
                return "no problem document: \(reply.text)"
            }
            rest = rest.dropFirst(reply.size)
        }
        return nil
    }

    /// True when another answer, or nothing, comes behind it.
    private static func isWhole(_ reply: Reply, in octets: ArraySlice<UInt8>) -> Bool {
        let rest = octets.dropFirst(reply.size)
        return rest.isEmpty || rest.starts(with: "HTTP/1.1 ".utf8)
    }

    @Test func `whatever a head says, it is admitted as declared or refused`() throws {
        let admission = Admission(router: Router(TestEndpoints.all), bodySize: 1000)
        var generator = SeededGenerator(state: fuzzSeed &+ 1)
        var admittedCount = 0
        for _ in 0..<fuzzIterations * 20 {
            let octets = Self.mutated(&generator)
            var decoder = RequestHeadDecoder(limits: .request)
            var index = 0
            guard let head = try? decoder.decode(octets.span, at: &index) else { continue }
            do throws(RequestRefusal) {
                let admitted = try admission.admit(head)
                let request = try admission.finish(admitted, body: Array(octets[index...]))
                admittedCount += 1
                for capture in admitted.endpoint.captures {
                    #expect(request.captures[capture.name]?.string?.isEmpty == false)
                }
                #expect((request.body == nil) == (admitted.endpoint.body == nil))
                #expect(admitted.endpoint.precondition != .required || request.entityTags != nil)
            } catch {
                #expect((400...599).contains(error.refusal.status))
                #expect(error.refusal.message.utf8.count < 1000)
            }
        }
        #expect(admittedCount > fuzzIterations)
    }
}
