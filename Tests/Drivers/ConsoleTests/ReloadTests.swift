import Peers
import Settings
import Testing
import Transport

@testable import Console

/// What a reload changes.
@Suite struct ReloadTests {
    private func text(_ settings: ConsoleSettings, _ current: ConsoleSettings? = nil) -> String? {
        do throws(ConsoleFailure) {
            _ = try PreparedConsole.prepare(settings, inPlaceOf: current)
            return nil
        } catch {
            return error.text
        }
    }

    @Test func `another token is wanted at once, on the same socket`() throws {
        let console = try TestConsole()
        let visitor = try console.visit()
        visitor.send(request("GET", "/things"))
        #expect(try visitor.next().status == 200)
        let before = console.address
        try console.reload(settings(token: "another"))
        #expect(console.address == before)
        visitor.send(request("GET", "/things", token: "another"))
        #expect(try visitor.next().status == 200)
        visitor.send(request("GET", "/things"))
        #expect(try visitor.next().status == 401)
        #expect(try console.ask("GET", "/things", token: "another").status == 200)
    }

    @Test func `another address: who is busy finishes, who is idle is closed`() throws {
        let folder = try TemporaryFolder()
        let hold = Hold()
        let console = try TestConsole(hold.endpoints)
        let before = console.address
        let idle = try console.visit()
        idle.send(request("GET", "/things"))
        #expect(try idle.next().status == 200)
        let busy = try console.visit()
        busy.send(request("GET", "/hold") + request("GET", "/things"))
        try hold.wait(for: 1)
        try console.reload(settings(.unix(path: folder.path("console"))))
        #expect(try console.ask("GET", "/things").status == 200)
        try idle.end()
        hold.release()
        let reply = try busy.next()
        #expect(reply.text == "\"held\"")
        #expect(reply.field("Connection") == "close")
        #expect(try busy.end() == "")
        let late = try Visitor(before)
        #expect(throws: (any Error).self) { _ = try late.next() }
    }

    @Test func `without a console nobody listens, and it can come back`() throws {
        let console = try TestConsole()
        let before = console.address
        try console.reload(nil)
        try console.waitForNotice { $0 == .info("console: closed") }
        let late = try Visitor(before)
        #expect(throws: (any Error).self) { _ = try late.next() }
        try console.reload(settings())
        #expect(try console.ask("GET", "/things").status == 200)
    }

    @Test func `without a console, who is busy finishes`() throws {
        let hold = Hold()
        let console = try TestConsole(hold.endpoints)
        let busy = try console.visit()
        busy.send(request("GET", "/hold"))
        try hold.wait(for: 1)
        try console.reload(nil)
        try console.waitForNotice { $0 == .info("console: closed") }
        hold.release()
        #expect(try busy.next().field("Connection") == "close")
        try busy.end()
    }

    @Test func `an address that is taken is told before anything changes`() throws {
        let taken = try Listener.loopback()
        let port = taken.address.port ?? 0
        let text = text(settings(.ip(address: "127.0.0.1", port: port)))
        #expect(
            text
                == "the console cannot listen on 127.0.0.1:\(port): another process uses this"
                + " address (ss -ltnp shows which)")
    }

    @Test func `what is not adopted gives its socket back`() throws {
        let console = try #require(
            try PreparedConsole.prepare(settings(), inPlaceOf: nil))
        let port = try #require(console.address?.port)
        let same = settings(.ip(address: "127.0.0.1", port: port))
        #expect(text(same) != nil)
        _ = consume console
        #expect(text(same) == nil)
    }

    @Test(
        arguments: [
            ("0.0.0.0", false), ("::", false), ("192.0.2.1", false), ("::ffff:192.0.2.1", false),
            ("127.0.0.1", true), ("127.8.9.1", true), ("::ffff:127.0.0.1", true),
        ])
    func `other machines are kept away, unless told otherwise`(host: String, isLocal: Bool) {
        let local = settings(.ip(address: host, port: 0))
        let objection = text(local)
        #expect(objection?.contains("needs 'allow_remote on'") ?? false == !isLocal)
        if host == "0.0.0.0" {
            var remote = local
            remote.allowsRemote = true
            #expect(text(remote) == nil)
            // The same address, and the permission is gone.
            #expect(text(local, remote) == objection)
        }
    }

    @Test func `an empty token opens nothing`() {
        #expect(text(settings(token: "")) == "the token of the console is empty")
    }

    @Test func `nothing is prepared without a console`() throws {
        #expect(try PreparedConsole.prepare(nil, inPlaceOf: settings()) == nil)
    }

    @Test func `many reloads leave the last one`() throws {
        let console = try TestConsole()
        for index in 0..<50 {
            try console.reload(settings(token: "number \(index)"))
            if index % 10 == 9 {
                try console.reload(nil)
                try console.reload(settings(token: "number \(index)"))
            }
        }
        #expect(try console.ask("GET", "/things", token: "number 49").status == 200)
        #expect(try console.ask("GET", "/things", token: "number 48").status == 401)
    }

    @Test func `a console that is stopped closes everything`() throws {
        let console = try TestConsole()
        let visitor = try console.visit()
        visitor.send(request("GET", "/never"))
        #expect(try console.ask("GET", "/things").status == 200)
        console.server.stop()
        try visitor.end()
    }
}
