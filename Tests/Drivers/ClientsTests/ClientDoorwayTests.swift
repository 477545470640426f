import Clients
import Generations
import Peers
import Relays
import Testing
import Transport

/// What becomes of a connection when its listener goes, when other settings hold, and when the
/// process stops.
@Suite struct ClientDoorwayTests {
    private static let other = "listen 127.0.0.1:2"
    private static let last = "Connection: close\r\n"

    /// A client that was served before, or not, and another configuration.
    private func dialogue(
        hasServed: Bool, _ limits: String = "", then listener: String = ClientDialogue.plain,
        _ next: String = ""
    ) throws -> ClientDialogue {
        let dialogue = try ClientDialogue(limits: limits)
        if hasServed {
            dialogue.send(.get("/1"))
            #expect(try dialogue.hear() == ["GET /1"])
            #expect(dialogue.answer("one") == [])
        }
        dialogue.newest = try .serving(listener, limits: next)
        return dialogue
    }

    /// As a worker does that has adopted a configuration.
    private func review(_ dialogue: ClientDialogue) -> [String] {
        dialogue.connection.follow(dialogue.newest)
        return dialogue.ended(dialogue.connection.endIfIdle())
    }

    @Test func `who has been served is not waited for when the listener is gone`() throws {
        let dialogue = try dialogue(hasServed: true, then: Self.other)
        #expect(review(dialogue) == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.text.hasSuffix("one"))
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }

    @Test(arguments: ["", "GET /a HTTP/1.1\r\n"])
    func `a first request that is on its way is served, and is the last`(begun: String) throws {
        for stops in [true, false] {
            let dialogue = try dialogue(hasServed: false, then: stops ? "listen *:1" : Self.other)
            dialogue.send(begun)
            if !begun.isEmpty { #expect(try dialogue.lookAtClient() == []) }
            if stops { #expect(dialogue.connection.stop() == nil) } else { _ = review(dialogue) }
            #expect(dialogue.connection.isBetweenRequests)
            dialogue.send(begun.isEmpty ? .get("/a") : "Host: a\r\n\r\n")
            #expect(try dialogue.hear() == ["GET /a"])
            #expect(dialogue.request.isLast)
            #expect(dialogue.answer("last") == [])
            #expect(try dialogue.run { $0.ending != nil } == [])
            #expect(dialogue.client.text.hasSuffix(Self.last + "\r\nlast"))
        }
    }

    @Test(arguments: [true, false])
    func `a request at hand is served, and is the last`(stops: Bool) throws {
        let dialogue = try dialogue(hasServed: true, then: Self.other)
        let newest = dialogue.newest
        dialogue.newest = dialogue.connection.generation
        dialogue.send(.get("/2"))
        #expect(try dialogue.hear() == ["GET /2"])
        dialogue.newest = newest
        if stops { #expect(dialogue.connection.stop() == nil) } else { _ = review(dialogue) }
        #expect(dialogue.answer("last") == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.text.hasSuffix(Self.last + "\r\nlast"))
    }

    @Test func `a request is judged by what is newest when its head is whole`() throws {
        let dialogue = try dialogue(hasServed: true, then: Self.other)
        dialogue.send("GET /2 HTTP/1.1\r\n")
        #expect(try dialogue.lookAtClient() == [])
        dialogue.newest = try .serving(ClientDialogue.plain)
        dialogue.send("Host: a\r\n\r\n")
        #expect(try dialogue.hear() == ["GET /2"])
        #expect(dialogue.connection.generation === dialogue.newest)
        #expect(dialogue.request.doorway.generation === dialogue.newest)
        let judged = dialogue.newest
        dialogue.newest = try .serving(ClientDialogue.plain)
        #expect(dialogue.turn() == [])
        #expect(dialogue.connection.generation === judged)
    }

    @Test(arguments: [("keep_alive 1h", "keep_alive 100ms"), ("keep_alive 200ms", "keep_alive 1h")])
    func `nobody is waited for longer than old and new settings say`(
        before: String, after: String
    ) throws {
        let dialogue = try dialogue(hasServed: true, before, then: ClientDialogue.plain, after)
        #expect(review(dialogue) == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
    }

    @Test func `who has not been served keeps the time for his first request`() throws {
        let dialogue = try dialogue(
            hasServed: false, then: ClientDialogue.plain, "keep_alive 100ms")
        #expect(review(dialogue) == [])
        dialogue.mark(after: .milliseconds(400))
        #expect(try dialogue.hear() == ["due heartbeat"])
    }

    @Test func `who is between requests is not waited for when the process stops`() throws {
        let dialogue = try dialogue(hasServed: true)
        #expect(dialogue.ended(dialogue.connection.stop()) == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        // What came meanwhile is not read any more.
        dialogue.send(.get("/2"))
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }

    @Test func `a configuration that has the listener opens nothing when the process stops`() throws
    {
        let dialogue = try dialogue(hasServed: false)
        #expect(dialogue.connection.stop() == nil)
        dialogue.connection.follow(dialogue.newest)
        #expect(dialogue.connection.doorway.isClosed)
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        #expect(dialogue.request.isLast)
    }

    @Test func `when the time to finish is over, who has no request hears no more`() throws {
        let idle = try dialogue(hasServed: false)
        #expect(idle.connection.stopIsOver()?.reset == false)
        let partial = try dialogue(hasServed: false)
        partial.send("GET ")
        #expect(try partial.lookAtClient() == [])
        #expect(partial.connection.stopIsOver()?.reset == false)
        let used = try dialogue(hasServed: false)
        used.send(.get("/a", "Connection: close"))
        #expect(try used.hear() == ["GET /a"])
        #expect(used.connection.stopIsOver() == nil)
        #expect(used.answer() == [])
        #expect(used.connection.stopIsOver() == nil, "what was answered is still taken")
        _ = used.connection.close(ClosingSocket())
        #expect(used.connection.stopIsOver()?.reset == false)
        #expect(used.connection.close())
        #expect(used.connection.stopIsOver() == nil)
    }
}
