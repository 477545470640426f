import Endings
import HTTP
import HTTP1
import JSON
import Testing

@testable import Console

/// From a head to what its endpoint gets, without sockets.
@Suite struct AdmissionTests {
    private let admission = Admission(router: Router(TestEndpoints.all), bodySize: 100)

    private func head(_ line: String, _ fields: [String]) throws -> RequestHead {
        let lines = ["\(line) HTTP/1.1", "Host: x"] + fields
        let octets = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        var decoder = RequestHeadDecoder(limits: .request)
        var index = 0
        return try #require(try decoder.decode(octets.span, at: &index))
    }

    private func refusal(_ line: String, _ fields: [String], _ body: String) throws
        -> RequestRefusal?
    {
        let head = try head(line, fields)
        do throws(RequestRefusal) {
            _ = try admission.finish(try admission.admit(head), body: Array(body.utf8))
            return nil
        } catch {
            return error
        }
    }

    private static let json = ["Content-Type: application/json", "Content-Length: 10"]

    @Test(
        arguments: [
            ("GET /things", [], 200, ""), ("HEAD /things?limit=3", [], 200, ""),
            ("GET /things?limit=30", [], 400, "parameter 'limit'"),
            ("GET /things?lim=3", [], 400, "Unknown parameter 'lim'"),
            ("GET /things/x?a=1", [], 400, "Unknown parameter 'a'"),
            ("GET /things/123456789", [], 400, "'name' in the path"),
            ("GET /things/%FF", [], 400, "not UTF-8"), ("GET /nothing", [], 404, ""),
            ("GET /things/a/b", [], 404, ""), ("POST /things", [], 405, ""),
            ("BREW /things", [], 405, ""), ("OPTIONS *", [], 404, ""),
            ("CONNECT x:80", [], 405, ""), ("GET http://y/things", [], 200, ""),
            ("GET /a/../things", [], 404, ""), ("GET /..", [], 404, ""),
            ("GET /things%2Fx", [], 404, ""), ("GET /things", ["Origin: https://x"], 403, ""),
            ("GET /nothing", ["Origin: null"], 403, ""),
            ("GET /things", ["Content-Length: 3"], 400, "no body"),
            ("GET /things", ["Content-Length: 0"], 200, ""),
            ("GET /things", ["Transfer-Encoding: chunked"], 400, "no body"),
            ("GET /things", ["Content-Length: 3", "Transfer-Encoding: chunked"], 400, ""),
            ("GET /things", ["Transfer-Encoding: gzip, chunked"], 501, ""),
            ("GET /things", ["Expect: 200-ok"], 417, ""),
            ("POST /echo", [], 411, ""), ("POST /echo", ["Content-Length: 0"], 415, ""),
            ("POST /echo", ["Content-Length: 9"], 415, ""),
            ("POST /echo", ["Content-Length: 9", "Content-Type: text/plain"], 415, ""),
            ("POST /echo", json + ["Content-Encoding: gzip"], 415, ""),
            ("POST /echo", json + ["Content-Type: application/json"], 415, ""),
            ("POST /echo", ["Content-Type: application/json", "Content-Length: 101"], 413, ""),
            (
                "POST /echo",
                ["Content-Type: application/json", "Content-Length: 99999999999999999999"], 400, ""
            ),
            ("POST /echo", json + ["Expect: 100-continue"], 200, ""),
            ("PUT /things/a", json, 428, ""), ("PUT /things/a", json + ["If-Match: x"], 400, ""),
            ("PUT /things/a?dry_run=1", json + ["If-Match: *"], 400, "'dry_run'"),
            ("DELETE /things/a", [], 200, ""), ("DELETE /things/a", ["If-Match: x"], 400, ""),
            ("GET /things", ["If-Match: nonsense"], 200, ""),
        ])
    func `a head is good, or there is a status for what is wrong`(
        line: String, fields: [String], status: Int, words: String
    ) throws {
        let refusal = try refusal(line, fields, #"{"size":1}"#)
        #expect(refusal?.refusal.status ?? 200 == status)
        #expect(words.isEmpty || refusal?.refusal.message.contains(words) ?? false)
    }

    @Test(
        arguments: [
            "application/json", "Application/JSON", "application/json; charset=utf-8",
            "application/json;charset=UTF-8", #"application/json ; charset="utf-8""#,
        ])
    func `JSON has several names`(type: String) throws {
        #expect(
            try refusal("POST /echo", ["Content-Type: \(type)", "Content-Length: 1"], "1") == nil)
    }

    @Test(
        arguments: [
            ("", "The body is missing"), ("{", "not valid JSON: an unexpected end at octet 1"),
            (#"{"size":1}x"#, "something after the value at octet 10"),
            (#"{"size":1,"size":1}"#, "a member that occurs twice"),
            (String(repeating: "[", count: 50), "nested too deeply"),
            (#"{"size":1,"sise":1}"#, "Unknown member 'sise'"), ("[]", "Expected an object"),
            (#"{"note":"x"}"#, "Missing member 'size'"),
        ])
    func `what is wrong with a body is said`(body: String, words: String) throws {
        let refusal = try refusal("PUT /things/a", Self.json + ["If-Match: *"], body)
        #expect(refusal?.refusal.status == 400)
        #expect(refusal?.refusal.reason == .invalidPayload)
        #expect(refusal?.refusal.message.contains(words) ?? false)
    }

    @Test func `an endpoint gets everything as it declares it`() throws {
        let head = try head(
            "PUT /things/%EC%A0%91+?dry_run=true", Self.json + ["If-Match: \"7\""])
        let request = try admission.finish(
            try admission.admit(head), body: Array(#"{"size":1e1,"note":null}"#.utf8))
        #expect(request.captures == ["name": "접+"])
        #expect(request.query == ["dry_run": true])
        #expect(request.body == ["size": .whole(10), "note": .null])
        #expect(request.entityTags == .strong(["7"]))
    }

    @Test func `the methods that are served are named`() throws {
        let refused = try #require(try refusal("PATCH /things/a", [], ""))
        #expect(refused.fields.map(\.name) == ["Allow"])
        #expect(refused.fields.map(\.value) == ["DELETE, GET, HEAD, PUT"])
    }

    @Test func `a precondition holds for the version that is meant`() throws {
        var request = ConsoleRequest()
        try request.checkPrecondition(nil)
        try request.checkPrecondition("2")
        request.entityTags = .strong(["1"])
        try request.checkPrecondition("1")
        for tag in ["2", nil] {
            #expect(throws: Refusal.self) { try request.checkPrecondition(tag) }
        }
    }
}
