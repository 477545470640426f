import Peers
import Testing
import Transport

@testable import Console

/// What a client may not do, over real sockets.
@Suite struct LimitTests {
    private static let garbage: [String: (text: String, status: Int)] = [
        "no target": ("GET\r\n\r\n", 400),
        "TLS": ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", 400),
        "another version": ("GET /things HTTP/2.0\r\n\r\n", 505),
        "no host": ("GET /things HTTP/1.1\r\n\r\n", 400),
        "a control character": ("GET /\u{7F} HTTP/1.1\r\n\r\n", 400),
        "empty lines": ("\r\n\r\n\r\n\r\n\r\nGET", 400),
        "a long target": ("GET /\(String(repeating: "a", count: 13_000)) HTTP/1.1\r\n", 414),
        "a long line": (
            "GET / HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "a", count: 17_000), 431
        ),
        "many lines": (
            "GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "A: b\r\n", count: 101), 431
        ),
        "a long method": (String(repeating: "A", count: 40), 501),
    ]

    @Test(arguments: garbage.keys.sorted())
    func `garbage is answered, and that is the end`(kind: String) throws {
        let (text, status) = try #require(Self.garbage[kind])
        let console = try TestConsole()
        let visitor = try console.visit()
        visitor.send(text)
        let reply = try visitor.next()
        #expect(reply.status == status)
        #expect(reply.field("Content-Type") == "application/problem+json")
        #expect(try visitor.end() == "")
        #expect(try console.ask("GET", "/things").status == 200)
    }

    @Test func `a body has room for 256 KiB`() throws {
        let console = try TestConsole()
        let limit = 256 * 1024
        let fits = "\"" + String(repeating: "x", count: limit - 2) + "\""
        #expect(try console.ask("POST", "/echo", json: fits).text == fits)
        let declared = try console.ask("POST", "/echo", json: fits + " ")
        #expect(declared.status == 413)
        #expect(declared.field("Connection") == "close")
        let visitor = try console.visit()
        let fields = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
        visitor.send(request("POST", "/echo", fields: fields))
        visitor.send("\(String(limit + 1, radix: 16))\r\n" + fits + " \r\n0\r\n\r\n")
        #expect(try visitor.next().status == 413)
        try visitor.end()
    }

    @Test func `a broken chunk ends the connection`() throws {
        let visitor = try TestConsole().visit()
        let fields = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
        visitor.send(request("POST", "/echo", fields: fields) + "x\r\n")
        #expect(try visitor.next().status == 400)
        try visitor.end()
    }

    @Test(
        arguments: [
            ("G", 408),
            ("GET /things HTTP/1.1\r\nHost: x\r\n", 408),
            (
                request(
                    "POST", "/echo",
                    fields: ["Content-Type: application/json", "Content-Length: 9"]) + "[", 408
            ),
            (
                request(
                    "POST", "/echo",
                    fields: ["Content-Type: application/json", "Transfer-Encoding: chunked"])
                    + "1\r\n[\r\n", 408
            ),
        ])
    func `a request that does not go on is given up`(text: String, status: Int) throws {
        let visitor = try TestConsole {
            $0.headTime = .milliseconds(50)
            $0.bodyTime = .milliseconds(50)
        }.visit()
        visitor.send(text)
        let reply = try visitor.next()
        #expect(reply.status == status)
        #expect(reply.field("Connection") == "close")
        try visitor.end()
    }

    @Test func `a head that comes in drops is given up as well`() throws {
        let visitor = try TestConsole { $0.headTime = .milliseconds(200) }.visit()
        var sent = 0
        try visitor.driver.run { driver in
            sent += 1
            driver.send(sent == 1 ? "GET / HTTP/1.1\r\nHost: x\r\n" : "A: b\r\n")
            return !driver.received.isEmpty
        }
        #expect(try visitor.next().status == 408)
        #expect(sent < 100)
    }

    @Test(arguments: ["", request("GET", "/things")])
    func `who is idle is closed without a word`(text: String) throws {
        let visitor = try TestConsole { $0.idleTime = .milliseconds(50) }.visit()
        if !text.isEmpty {
            visitor.send(text)
            #expect(try visitor.next().status == 200)
        }
        #expect(try visitor.end() == "")
    }

    @Test func `who does not take the answer is cut`() throws {
        let console = try TestConsole { $0.sendTime = .milliseconds(200) }
        let visitor = try console.visit()
        visitor.send(request("GET", "/huge") + request("GET", "/things"))
        visitor.driver.isReading = false
        // Time passes for the console while another one is served.
        for _ in 0..<3 {
            #expect(try console.ask("GET", "/later?ms=200").status == 200)
        }
        visitor.driver.isReading = true
        try visitor.driver.run { $0.ending != nil }
        #expect(visitor.driver.received.count < 8 * 1024 * 1024)
    }

    @Test func `a huge answer is taken at the reader's pace, and the next request waits`() throws {
        let visitor = try TestConsole().visit()
        visitor.send(request("GET", "/huge") + request("GET", "/things"))
        #expect(try visitor.next().body.count == 8 * 1024 * 1024)
        #expect(try visitor.next().status == 200)
    }

    @Test func `who has not taken an answer is asked for nothing more`() throws {
        let hold = Hold()
        let console = try TestConsole(hold.endpoints)
        let visitor = try console.visit()
        visitor.driver.isReading = false
        visitor.send(request("GET", "/huge") + request("GET", "/hold"))
        for _ in 0..<3 { #expect(try console.ask("GET", "/later?ms=20").status == 200) }
        #expect(hold.count == 0)
        visitor.driver.isReading = true
        #expect(try visitor.next().body.count == 8 * 1024 * 1024)
        try hold.wait(for: 1)
    }

    @Test func `a full house makes room for newcomers, who is busy stays`() throws {
        let hold = Hold()
        let console = try TestConsole(hold.endpoints) { $0.connections = 4 }
        let busy = try console.visit()
        busy.send(request("GET", "/hold"))
        try hold.wait(for: 1)
        let trusted = try console.visit()
        trusted.send(request("GET", "/things"))
        #expect(try trusted.next().status == 200)
        let strangers = try (0..<12).map { _ in try console.visit() }
        // Each of them was let in once; the first ones had to go.
        for stranger in strangers.prefix(10) { try stranger.end() }
        #expect(try console.ask("GET", "/things").status == 200)
        hold.release()
        #expect(try busy.next().text == "\"held\"")
        trusted.send(request("GET", "/things"))
        #expect(try trusted.next().status == 200)
    }

    @Test func `when all are busy, newcomers wait`() throws {
        let hold = Hold()
        let console = try TestConsole(hold.endpoints) { $0.connections = 2 }
        let busy = try (0..<2).map { _ in try console.visit() }
        for visitor in busy { visitor.send(request("GET", "/hold")) }
        try hold.wait(for: 2)
        let newcomer = try console.visit()
        newcomer.send(request("GET", "/things"))
        #expect(throws: StreamDriver.TookTooLong.self) {
            try newcomer.driver.run(seconds: 1) { !$0.received.isEmpty || $0.ending != nil }
        }
        hold.release()
        for visitor in busy { #expect(try visitor.next().status == 200) }
        #expect(try newcomer.next().status == 200)
    }
}
