import Bytes
import HTTP
import Testing

@testable import KeySets

/// The answer of an issuer, octet by octet.
@Suite struct KeySetResponseTests {
    private enum Outcome: Equatable {
        case document(String, Duration?)
        case redirect(String)
        case failure(FetchFailure)
        case more
    }

    /// What comes of octets that arrive in these portions, after which the connection ends if told.
    private func outcome(
        _ portions: [[UInt8]], ends: Bool, limit: Int = 20
    ) -> Outcome {
        do throws(FetchFailure) {
            var response = try KeySetResponse(
                from: SecureLocation(host: "issuer.test"), limit: limit)
            for portion in portions {
                if let event = try response.receive(portion.span) { return Self.outcome(event) }
            }
            return ends ? Self.outcome(try response.inputEnded()) : .more
        } catch {
            return .failure(error)
        }
    }

    private static func outcome(_ event: KeySetResponse.Event) -> Outcome {
        switch event {
        case .document(let octets, let lifetime):
            .document(String(decoding: octets, as: UTF8.self), lifetime)
        case .redirect(let place): .redirect(place)
        }
    }

    private static let table: [(text: String, ends: Bool, outcome: Outcome)] = [
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", false, .document("{}", nil)),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}trailing", false, .document("{}", nil)),
        (
            "HTTP/1.1 200 OK\nCache-Control: max-age=90\nAge: 30\nContent-Length: 2\n\n{}", false,
            .document("{}", .seconds(60))
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\n{\n1\n}\n0\n\n", false,
            .document("{}", nil)
        ),
        ("HTTP/1.0 200 OK\n\n{}", true, .document("{}", nil)),
        ("HTTP/1.1 103 Early\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n", false, .document("", nil)),
        ("HTTP/1.1 302 Found\nLocation: /x\n\n", false, .redirect("/x")),
        ("HTTP/1.1 302 Found\n\n", false, .failure(.redirect("without a new address"))),
        ("HTTP/1.1 503 Busy\n\n", false, .failure(.status(503))),
        (
            "HTTP/1.1 101 Go\n\n", false,
            .failure(.answer("The server changed to a protocol that was not asked for."))
        ),
        (
            "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 2\n\n", false,
            .failure(.answer("it is compressed, but the request did not allow that"))
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 21\n\n", false, .failure(.tooLarge(limit: 20))),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n15\n"
                + String(repeating: "x", count: 21),
            false, .failure(.tooLarge(limit: 20))
        ),
        (
            "HTTP/1.1 200 OK\n\n" + String(repeating: "x", count: 21), true,
            .failure(.tooLarge(limit: 20))
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 3\n\n{}", true,
            .failure(.answer("The body ended early."))
        ),
        ("HTTP/1.1 200 OK\nConte", true, .failure(.answer("the connection ended early"))),
        ("HTTP/1.1 200 OK\nContent-Length: 3\n\n{}", false, .more),
        (
            "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\n{}", false,
            .failure(.answer("The length of the body is given in more than one way."))
        ),
    ]

    @Test(arguments: table.indices)
    func `however it is cut`(index: Int) {
        let row = Self.table[index]
        let octets = Array(row.text.replacing("\n", with: "\r\n").utf8)
        #expect(outcome([octets], ends: row.ends) == row.outcome)
        #expect(outcome(octets.map { [$0] }, ends: row.ends) == row.outcome)
        for cut in octets.indices {
            let halves = [Array(octets[..<cut]), Array(octets[cut...])]
            #expect(outcome(halves, ends: row.ends) == row.outcome)
        }
    }

    @Test func `informational responses come to an end`() {
        let endless = String(repeating: "HTTP/1.1 102 Wait\r\n\r\n", count: 1_001)
        #expect(
            outcome([Array(endless.utf8)], ends: false)
                == .failure(.answer("Too many informational responses came.")))
    }

    @Test func `the request is for one answer, uncompressed`() throws {
        let place = SecureLocation(host: "::1", port: 8443, target: "/keys?a=b")
        let response = try KeySetResponse(from: place, limit: 20)
        let lines = String(decoding: response.request, as: UTF8.self).split(separator: "\r\n")
        #expect(
            lines == [
                "GET /keys?a=b HTTP/1.1", "Host: [::1]:8443",
                "Accept: application/jwk-set+json, application/json",
                "Accept-Encoding: identity", "User-Agent: gateway", "Connection: close",
            ])
    }

    @Test func `what cannot be asked for is not`() {
        for target in ["/a b", "/\r\nX: 1", ""] {
            #expect(throws: FetchFailure.connection("the request cannot be written")) {
                _ = try KeySetResponse(
                    from: SecureLocation(host: "a", target: target), limit: 20)
            }
        }
    }
}
