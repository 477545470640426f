import HTTP
import JSON
import Peers
import Testing
import Transport

@testable import Console

/// What happens on a connection, over real sockets.
@Suite struct ConversationTests {
    @Test func `a connection serves one request after the other`() throws {
        let visitor = try TestConsole().visit()
        for limit in 1...5 {
            visitor.send(request("GET", "/things?limit=\(limit)"))
            let reply = try visitor.next()
            #expect(reply.member("limit") == .whole(limit))
            #expect(reply.field("Connection") == nil)
            #expect(reply.field("Cache-Control") == "no-store")
            #expect(reply.field("Date")?.hasSuffix(" GMT") ?? false)
        }
    }

    @Test func `pipelined requests are answered in order, however long one takes`() throws {
        let visitor = try TestConsole().visit()
        let targets = ["/later?ms=50", "/things?limit=1", "/nothing", "/later", "/things?limit=2"]
        visitor.send(targets.map { request("GET", $0) }.joined())
        visitor.send(request("POST", "/echo", json: "[1]") + request("DELETE", "/things/x"))
        let answers = try (0..<7).map { _ in try visitor.next() }
        #expect(answers.map(\.status) == [200, 200, 404, 200, 200, 200, 204])
        #expect(answers[0].text == "\"late\"")
        #expect(answers[1].member("limit") == .whole(1))
        #expect(answers[4].member("limit") == .whole(2))
        #expect(answers[5].text == "[1]")
    }

    @Test func `a request may come octet by octet`() throws {
        let visitor = try TestConsole().visit()
        for octet in request("POST", "/echo", json: #"{"a":"접"}"#).utf8 {
            visitor.driver.send([octet])
        }
        #expect(try visitor.next().text == #"{"a":"접"}"#)
    }

    @Test func `a chunked body is as good as any other`() throws {
        let visitor = try TestConsole().visit()
        let fields = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
        visitor.send(request("POST", "/echo", fields: fields))
        visitor.send("2;x=y\r\n[1\r\n1\r\n]\r\n0\r\nTrailer: x\r\n\r\n" + request("GET", "/things"))
        #expect(try visitor.next().text == "[1]")
        #expect(try visitor.next().status == 200)
    }

    @Test func `HEAD is answered as GET, without the body`() throws {
        let console = try TestConsole()
        let visitor = try console.visit()
        let length = try console.ask("GET", "/things").field("Content-Length")
        visitor.send(request("HEAD", "/things") + request("HEAD", "/nothing"))
        let first = try visitor.next(isHead: true)
        #expect(first.status == 200 && first.body == [])
        #expect(first.field("Content-Length") == length)
        let second = try visitor.next(isHead: true)
        #expect(second.status == 404 && second.body == [])
        visitor.send(request("GET", "/things"))
        #expect(try visitor.next().status == 200)
    }

    @Test func `who waits for leave to send the body gets it`() throws {
        let visitor = try TestConsole().visit()
        let fields = [
            "Expect: 100-continue", "Content-Type: application/json", "Content-Length: 3",
        ]
        visitor.send(request("POST", "/echo", fields: fields))
        #expect(try visitor.next().status == 100)
        visitor.send("[1]")
        #expect(try visitor.next().text == "[1]")
        // Who does not wait is not told.
        visitor.send(request("POST", "/echo", fields: fields) + "[2]")
        #expect(try visitor.next().text == "[2]")
    }

    @Test(
        arguments: [
            ("Content-Length: 3", "[1]"),
            ("Transfer-Encoding: chunked", "3\r\n[1]\r\n0\r\nA: b\r\n\r\n"),
        ])
    func `a body that nobody reads does not end the connection`(
        field: String, body: String
    ) throws {
        let visitor = try TestConsole().visit()
        visitor.send(request("POST", "/nothing", fields: [field]) + body.prefix(1))
        let reply = try visitor.next()
        #expect(reply.status == 404)
        #expect(reply.field("Connection") == nil)
        visitor.send(body.dropFirst() + request("GET", "/things"))
        #expect(try visitor.next().status == 200)
    }

    @Test func `one that is too long for that does`() throws {
        let visitor = try TestConsole { $0.bodySize = 100 }.visit()
        visitor.send(request("POST", "/nothing", fields: ["Content-Length: 101"]))
        let reply = try visitor.next()
        #expect(reply.status == 404)
        #expect(reply.field("Connection") == "close")
        try visitor.end()
    }

    @Test func `who has finished sending hears the answers all the same`() throws {
        let visitor = try TestConsole().visit()
        visitor.send(request("GET", "/later?ms=50") + request("POST", "/echo", json: "[1]"))
        visitor.driver.stream.finishSending()
        #expect(try visitor.next().text == "\"late\"")
        #expect(try visitor.next().text == "[1]")
        #expect(try visitor.end() == "")
    }

    @Test(arguments: ["x", "0x3", "3, 3"])
    func `strangers hear nothing of what is wrong with their bodies`(length: String) throws {
        let fields = ["Content-Length: \(length)"]
        let console = try TestConsole()
        #expect(try console.ask("POST", "/echo", fields: fields, token: nil).status == 401)
        #expect(try console.ask("POST", "/echo", fields: fields).status == 400)
    }

    @Test(
        arguments: [
            ("POST", "/things", nil, 401), ("POST", "/things", token, 405),
            ("PUT", "/things/x", token, 428),
        ] as [(String, String, String?, Int)])
    func `leave is not given when the answer is known`(
        method: String, target: String, token: String?, status: Int
    ) throws {
        let visitor = try TestConsole().visit()
        let fields = [
            "Expect: 100-continue", "Content-Type: application/json", "Content-Length: 3",
        ]
        visitor.send(request(method, target, fields: fields, token: token))
        let reply = try visitor.next()
        #expect(reply.status == status)
        #expect(reply.field("Connection") == "close")
        #expect(try visitor.end() == "")
    }

    @Test(
        arguments: [
            ("HTTP/1.1", "Connection: close", "close", true), ("HTTP/1.0", "X: y", "close", true),
            ("HTTP/1.0", "Connection: keep-alive", "keep-alive", false),
            ("HTTP/1.1", "X: y", nil, false),
        ] as [(String, String, String?, Bool)])
    func `the client says whether the connection goes on`(
        version: String, field: String, answered: String?, isOver: Bool
    ) throws {
        let visitor = try TestConsole().visit()
        let text = request("GET", "/things", fields: [field])
        visitor.send(text.replacing("HTTP/1.1", with: version))
        let reply = try visitor.next()
        #expect(reply.status == 200)
        #expect(reply.field("Connection") == answered)
        if isOver {
            #expect(try visitor.end() == "")
        } else {
            visitor.send(request("GET", "/things"))
            #expect(try visitor.next().status == 200)
        }
    }

    @Test func `things are changed by those who know their version`() throws {
        let console = try TestConsole()
        func put(_ tag: String, _ query: String = "", on name: String = "x") throws -> Reply {
            try console.ask(
                "PUT", "/things/\(name)" + query, fields: ["If-Match: \(tag)"],
                json: #"{"size":7}"#)
        }
        #expect(try console.ask("GET", "/things/x").field("ETag") == "\"1\"")
        #expect(try put("\"1\"", "?dry_run=true").field("ETag") == "\"2\"")
        #expect(try console.ask("GET", "/things/x").text == #"{"size":1}"#)
        #expect(try put("\"1\"").text == #"{"size":7}"#)
        let late = try put("\"1\"")
        #expect(late.status == 412)
        #expect(late.member("reason") == "policy")
        #expect(try put("*").field("ETag") == "\"3\"")
        #expect(try put("*", on: "y").status == 412)
        #expect(try console.ask("PUT", "/things/x", json: #"{"size":7}"#).status == 428)
        #expect(try console.ask("GET", "/things/y").status == 404)
    }

    @Test func `from another thread an answer comes once`() throws {
        let visitor = try TestConsole().visit()
        visitor.send(request("GET", "/later?ms=30") + request("GET", "/later"))
        #expect(try visitor.next().text == "\"late\"")
        #expect(try visitor.next().text == "\"late\"")
        visitor.send(request("GET", "/things"))
        #expect(try visitor.next().status == 200)
    }

    @Test func `what is never answered is 504, and what comes later is for nobody`() throws {
        let visitor = try TestConsole { $0.answerTime = .milliseconds(100) }.visit()
        visitor.send(request("GET", "/never") + request("GET", "/later?ms=1000"))
        visitor.send(request("GET", "/things"))
        #expect(try visitor.next().status == 504)
        let second = try visitor.next()
        #expect(second.status == 504)
        #expect(second.member("reason") == "timeout")
        #expect(try visitor.next().member("limit") == .whole(5))
    }

    @Test func `an answer that is late is not taken for that of the next request`() throws {
        let hold = Hold()
        let visitor = try TestConsole(hold.endpoints) { $0.answerTime = .seconds(1) }.visit()
        visitor.send(request("GET", "/hold"))
        #expect(try visitor.next().status == 504)
        visitor.send(request("GET", "/hold"))
        try hold.wait(for: 2)
        hold.release(0, "the first")
        hold.release(1, "the second")
        #expect(try visitor.next().text == "\"the second\"")
    }

    @Test func `who leaves before the answer is forgotten`() throws {
        let console = try TestConsole()
        for _ in 0..<10 {
            let visitor = try console.visit()
            visitor.send(request("GET", "/later?ms=20"))
            visitor.driver.stream.close(reset: true)
        }
        #expect(try console.ask("GET", "/later?ms=50").status == 200)
    }

    @Test func `an order is noted, a question is not, and the token never`() throws {
        let console = try TestConsole()
        #expect(try console.ask("GET", "/things?limit=3").status == 200)
        #expect(try console.ask("POST", "/echo", json: #""secret""#).status == 200)
        #expect(try console.ask("GET", "/things", token: "wrong word").status == 401)
        try console.waitForNotice { if case .warning = $0 { true } else { false } }
        let texts = console.notices.map { notice in
            switch notice {
            case .info(let text), .warning(let text): text
            }
        }
        #expect(texts.count == 3)
        #expect(texts[0] == "console: ready at \(console.address.text)")
        #expect(texts[1].hasPrefix("console: POST /echo from 127.0.0.1: 200, request "))
        #expect(texts[2] == "console: refused 127.0.0.1 without the right token")
    }
}
