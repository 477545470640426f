import Bytes
import Clock
import HTTP
import HTTP1
import Peers
import Settings
import Testing
import Transport
import Upstreams

@testable import Loop
@testable import Origins

/// What happens to a connection to a server, in words, one event after the other.
@Suite struct OriginConnectionTests {
    /// A connection that is driven as a worker drives it, and the server's end of it.
    private final class Dialogue {
        let loop: Loop
        let connection: OriginConnection
        let server: StreamDriver
        /// What comes is taken.
        var wantsInput = true

        init() throws {
            loop = try Loop(wakeToken: 1)
            let (accepted, connected) = try Listener.loopback().pair()
            server = try StreamDriver(accepted)
            connection = OriginConnection(
                token: 5, stream: connected, server: BackendGroup.app.members.servers[0].state,
                isConnected: true, on: loop)
            try connection.watch()
        }

        /// What happens until something does.
        func hear() throws -> [String] {
            let end = SystemClock.now() + .seconds(20)
            while SystemClock.now() < end {
                connection.updateInterest(wantsInput: wantsInput)
                loop.wake(at: loop.now + .milliseconds(20))
                var words: [String] = []
                for index in 0..<loop.next(hasBacklog: false) {
                    let (token, readiness) = loop.event(index)
                    #expect(token == connection.token)
                    words += happened(readiness)
                }
                _ = loop.takeDue()
                if !words.isEmpty { return words }
            }
            return ["nothing"]
        }

        func happened(_ readiness: Readiness) -> [String] {
            var progress = OriginProgress(readiness)
            var words: [String] = []
            while let event = connection.next(&progress) { words.append(word(event)) }
            return words
        }

        private func word(_ event: OriginEvent) -> String {
            let buffer = loop.buffer
            switch event {
            case .connected: return "connected"
            case .notConnected: return "not connected"
            case .notSecured(let failure): return "not secured: \(failure.reason)"
            case .octets:
                let octets = buffer.octets.array
                return String(decoding: octets, as: UTF8.self)
            case .drained: return "drained"
            case .refusesOctets: return "refuses"
            case .ended(let end): return "ended \(end)"
            case .broken: return "broken"
            }
        }
    }

    @Test func `octets come in front of the end of the input`() throws {
        let dialogue = try Dialogue()
        dialogue.server.send("hello")
        #expect(try dialogue.hear() == ["hello"])
        dialogue.server.send("more")
        dialogue.server.stream.finishSending()
        var words = try dialogue.hear()
        if words.count == 1 { words += try dialogue.hear() }
        #expect(words == ["more", "ended idle"])
        let hasEnded = dialogue.connection.http.hasInputEnded
        #expect(hasEnded)
    }

    @Test func `a read that fills the buffer may have left something behind`() throws {
        let dialogue = try Dialogue()
        #expect(dialogue.connection.isReadOut)
        dialogue.server.send(String(repeating: "x", count: ReadBuffer.capacity) + "more")
        var count = 0
        while count < ReadBuffer.capacity + 4 {
            let read = try dialogue.hear().joined().utf8.count
            count += read
            #expect(dialogue.connection.isReadOut == (read < ReadBuffer.capacity))
        }
        #expect(dialogue.connection.isReadOut)
    }

    @Test func `nothing is read from a server while nobody wants it`() throws {
        let dialogue = try Dialogue()
        dialogue.connection.updateInterest(wantsInput: false)
        dialogue.wantsInput = false
        dialogue.server.send("hello")
        #expect(dialogue.happened(.readable) == [])
        dialogue.wantsInput = true
        #expect(try dialogue.hear() == ["hello"])
    }

    @Test func `a connection that broke is told once, and is closed by whoever has it`() throws {
        let dialogue = try Dialogue()
        dialogue.server.stream.close(reset: true)
        #expect(try dialogue.hear() == ["broken"])
        #expect(dialogue.connection.isConnected)
        #expect(dialogue.connection.close())
        #expect(!dialogue.connection.close())
        #expect(!dialogue.connection.isConnected)
        #expect(dialogue.happened(.readable) == [])
        #expect(dialogue.loop.memory.held == 0)
    }

    @Test func `what came before a connection broke is read when somebody wants it`() throws {
        let dialogue = try Dialogue()
        dialogue.wantsInput = false
        dialogue.connection.updateInterest(wantsInput: false)
        dialogue.server.send("last words")
        dialogue.server.stream.close(reset: true)
        let begin = SystemClock.now()
        var turns = 0
        while SystemClock.now() < begin + .milliseconds(300) {
            dialogue.connection.updateInterest(wantsInput: false)
            dialogue.loop.wake(at: dialogue.loop.now + .milliseconds(20))
            for index in 0..<dialogue.loop.next(hasBacklog: false) {
                #expect(dialogue.happened(dialogue.loop.event(index).readiness) == [])
            }
            _ = dialogue.loop.takeDue()
            turns += 1
        }
        #expect(turns < 20, "it is not told again and again")
        dialogue.wantsInput = true
        #expect(try dialogue.hear() == ["last words"])
        #expect(try dialogue.hear() == ["broken"])
        #expect(dialogue.connection.close())
    }

    @Test func `what waits to be sent is watched for, and counts as held`() throws {
        let dialogue = try Dialogue()
        dialogue.server.isReading = false
        let large = [UInt8](repeating: 7, count: 16 << 20)
        let isTaken = dialogue.connection.stream.send(large.span)
        #expect(isTaken)
        #expect(dialogue.connection.stream.pendingCount > 0)
        dialogue.connection.updateInterest(wantsInput: true)
        #expect(dialogue.loop.memory.held == dialogue.connection.counted)
        #expect(dialogue.connection.counted >= dialogue.connection.stream.pendingCount)
        dialogue.server.isReading = true
        var words: [String] = []
        while dialogue.connection.stream.pendingCount > 0 {
            let before = dialogue.server.received.count
            try dialogue.server.run { $0.received.count > before }
            words += dialogue.happened(.writable)
        }
        #expect(words.last == "drained")
        dialogue.connection.updateInterest(wantsInput: true)
        #expect(dialogue.connection.counted == 0)
    }

    @Test func `a connection is made, or it is told that it cannot be`() throws {
        let loop = try Loop(wakeToken: 1)
        let listener = try Listener.loopback()
        let address = listener.address
        for isThere in [true, false] {
            if !isThere { listener.descriptor.close() }
            let stream: Stream
            let isConnected: Bool
            do throws(SystemError) {
                (stream, isConnected) = try Stream.connect(to: address)
            } catch {
                #expect(!isThere)
                continue
            }
            let server = BackendGroup.app.members.servers[0].state
            let connection = OriginConnection(
                token: 9, stream: stream, server: server, isConnected: isConnected, on: loop)
            try connection.watch()
            #expect(connection.isConnecting == !isConnected)
            guard !isConnected else { continue }
            var progress = OriginProgress(.writable)
            let event = try Self.event(of: connection, on: loop, &progress)
            switch event {
            case .connected: #expect(isThere && connection.isConnected)
            case .notConnected: #expect(!isThere && connection.isConnecting)
            case .notSecured, .octets, .drained, .refusesOctets, .ended, .broken, nil:
                Issue.record("\(String(describing: event))")
            }
            #expect(connection.next(&progress) == nil)
            #expect(connection.close())
        }
    }

    private static func event(
        of connection: OriginConnection, on loop: Loop, _ progress: inout OriginProgress
    ) throws -> OriginEvent? {
        for _ in 0..<1000 {
            loop.wake(at: loop.now + .milliseconds(20))
            for index in 0..<loop.next(hasBacklog: false) {
                progress = OriginProgress(loop.event(index).readiness)
                return connection.next(&progress)
            }
            _ = loop.takeDue()
        }
        return nil
    }

    @Test func `one that rests is closed when its time is over, and not while it is used`() throws {
        let dialogue = try Dialogue()
        let connection = dialogue.connection
        connection.rest(until: dialogue.loop.now + .milliseconds(-1))
        #expect(connection.isIdle && connection.isConnected)
        #expect(connection.isDue())
        connection.rest(until: dialogue.loop.now + .milliseconds(-1))
        connection.begin()
        #expect(!connection.isIdle && connection.isConnected)
        #expect(!connection.isDue())
        #expect(connection.owner == nil)
        connection.reserve(for: 3)
        #expect(connection.owner == 3)
    }

    @Test func `a connection stays as old as it is, however often it is used`() throws {
        let begin = SystemClock.now()
        let dialogue = try Dialogue()
        let connection = dialogue.connection
        let made = connection.made
        #expect((begin...SystemClock.now()).contains(made))
        connection.rest(until: dialogue.loop.now + .seconds(9))
        while dialogue.loop.now == made {
            dialogue.loop.wake(at: dialogue.loop.now + .milliseconds(1))
            _ = dialogue.loop.next(hasBacklog: false)
            _ = dialogue.loop.takeDue()
        }
        connection.begin()
        #expect(connection.made == made)
        #expect(connection.address == .ip(address: "127.0.0.1", port: 8000))
    }
}

extension BackendGroup {
    fileprivate static var app: BackendGroup {
        BackendGroup(
            BackendSettings(
                name: "app",
                servers: [
                    .init(
                        address: .ip(address: "127.0.0.1", port: 8000), weight: 1, isBackup: false)
                ]), registry: UpstreamRegistry())
    }
}
