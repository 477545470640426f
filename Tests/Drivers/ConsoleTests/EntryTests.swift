import Bytes
import Clock
import HTTP
import Settings
import Testing
import Transport

@testable import Console

/// Who comes in, over real sockets.
@Suite struct EntryTests {
    private static let targets = [
        "/things", "/things/x", "/openapi.json", "/nothing", "/..", "/things?limit=x", "*",
    ]

    @Test(arguments: [nil, "", "wrong", token + "x", String(token.dropLast())] as [String?])
    func `without the token everything is the same`(token: String?) throws {
        var heads: Set<String> = []
        var bodies: Set<String> = []
        let console = try TestConsole()
        for method in ["GET", "POST", "BREW"] {
            for target in Self.targets.prefix(6) {
                let reply = try console.ask(method, target, token: token)
                #expect(reply.status == 401)
                let fields = reply.fields.lines.filter {
                    reply.fields.bytes.text($0.name) != "Date"
                }
                heads.insert(
                    fields.map { reply.fields.bytes.text($0.name.lowerBound..<$0.value.upperBound) }
                        .joined(separator: "\n"))
                bodies.insert(reply.text)
            }
        }
        #expect(heads.count == 1)
        #expect(bodies.count == 1)
        let challenge = "WWW-Authenticate: Bearer realm=\"gateway console\""
        let head = try #require(heads.first)
        let body = try #require(bodies.first)
        if token == nil {
            #expect(head.contains(challenge) && !head.contains("error="))
            #expect(body.contains("The console's token is missing: send 'Authorization: "))
        } else {
            #expect(head.contains(challenge + ", error=\"invalid_token\""))
            #expect(body.contains("The token in 'Authorization' is not the console's"))
        }
    }

    @Test func `a stranger gets no second request on a connection`() throws {
        let visitor = try TestConsole().visit()
        visitor.send(request("GET", "/things", token: nil) + request("GET", "/things"))
        let reply = try visitor.next()
        #expect(reply.status == 401)
        #expect(reply.field("Connection") == "close")
        #expect(try visitor.end() == "")
    }

    @Test func `who fails too often is sent away, until nobody has failed for a while`() throws {
        let console = try TestConsole()
        let deadline = SystemClock.now() + .seconds(20)
        var reply = try console.ask("GET", "/things", token: "x")
        var count = 1
        while reply.status == 401 {
            try #require(SystemClock.now() < deadline)
            reply = try console.ask("GET", "/things", token: "x")
            count += 1
        }
        #expect(count > ConsoleGuard.attempts.burst)
        #expect(reply.status == 429)
        #expect(reply.field("Retry-After") == "1")
        #expect(reply.field("WWW-Authenticate") == nil)
        #expect(reply.member("reason") == "rate_limited")
        #expect(try console.ask("GET", "/things").status == 200)
        while try console.ask("GET", "/things", token: "x").status == 429 {
            try #require(SystemClock.now() < deadline)
        }
    }

    @Test func `web pages are sent away, but only those who know the token learn of it`() throws {
        let console = try TestConsole()
        let fields = ["Origin: http://127.0.0.1"]
        let known = try console.ask("GET", "/things", fields: fields)
        #expect(known.status == 403)
        #expect(known.member("reason") == "forbidden")
        #expect(try console.ask("GET", "/things", fields: fields, token: nil).status == 401)
    }

    @Test func `the name of the host does not matter`() throws {
        let visitor = try TestConsole().visit()
        visitor.send(
            request("GET", "/things").replacing("Host: console", with: "Host: evil.test:1"))
        #expect(try visitor.next().status == 200)
    }
}
