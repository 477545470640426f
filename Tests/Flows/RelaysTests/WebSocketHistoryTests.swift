import Clock
import Endings
import Randomness
import Settings
import Testing

@testable import Relays

/// Random histories of WebSockets, held against what must hold in all of them.
@Suite struct WebSocketHistoryTests {
    /// What one side says: whole messages with numbers, cut into frames, and their octets in the
    /// pieces in which they arrive.
    private struct Speaker {
        let isClient: Bool
        private(set) var number = 0
        private var isOpen = false
        private var octets: [UInt8] = []
        /// Nothing that keeps the rules may come any more.
        private(set) var isFinished = false

        init(isClient: Bool) { self.isClient = isClient }

        private mutating func say(_ frame: SocketFrame) {
            octets += frame.octets(isMasked: isClient)
        }

        mutating func speak(_ random: inout SeededGenerator) {
            if isFinished { return }
            switch Int.random(in: 0..<10, using: &random) {
            case 0: say(.ping("p"))
            case 1: say(.pong("q"))
            case 2...3 where !isOpen:
                say(.begin("<"))
                isOpen = true
            case 2...3: say(.more("-"))
            case 4...8 where isOpen:
                say(.last("\(number)>"))
                isOpen = false
                number += 1
            case 4...8:
                say(.text("<\(number)>"))
                number += 1
            default: break
            }
        }

        mutating func close() {
            if isFinished { return }
            say(.close(1000))
            isFinished = true
        }

        mutating func breakRules() {
            if isFinished { return }
            octets += [0x83, isClient ? 0x80 : 0, 0, 0, 0, 0]
            isFinished = true
        }

        /// The next octets that arrive, or all.
        mutating func arriving(_ random: inout SeededGenerator) -> [UInt8] {
            let count =
                Bool.random(using: &random)
                ? octets.count : Int.random(in: 0...octets.count, using: &random)
            defer { octets.removeFirst(count) }
            return Array(octets[..<count])
        }
    }

    private struct History {
        var random: SeededGenerator
        var client = Speaker(isClient: true)
        var upstream = Speaker(isClient: false)
        let socket: SocketDialogue
        var lines: [String] = []
        var seconds = 0.0
        let isWhole: Bool

        init(seed: UInt64, on routes: [RouteSettings]) throws {
            random = SeededGenerator(seed: seed)
            isWhole = Bool.random(using: &random)
            let route = try #require(routes.randomElement(using: &random))
            socket = try SocketDialogue(on: route, compression: isWhole ? ["client"] : [])
        }

        mutating func step() {
            for _ in 0..<Int.random(in: 0...3, using: &random) { client.speak(&random) }
            for _ in 0..<Int.random(in: 0...3, using: &random) { upstream.speak(&random) }
            switch Int.random(in: 0..<60, using: &random) {
            case 0: client.close()
            case 1: upstream.close()
            case 2: client.breakRules()
            case 3 where Bool.random(using: &random): upstream.breakRules()
            case 4:
                lines += socket.kick()
                // Who is told to end has no reason to keep the rules any longer.
                if Bool.random(using: &random) { client.breakRules() }
                if Bool.random(using: &random) { upstream.breakRules() }
            case 5 where Bool.random(using: &random): lines += socket.clientLost()
            case 6 where Bool.random(using: &random): lines += socket.upstreamLost("gone")
            case 7 where Bool.random(using: &random): lines += socket.giveUp(.overloaded)
            case 8...10: lines += socket.say("said")
            case 11...13: lines += socket.probe()
            case 14...16:
                seconds += Double.random(in: 0...30, using: &random)
                lines += socket.at(seconds)
            case 17:
                socket.upstreamPending = Bool.random(using: &random) ? Flow.highWater : 0
                lines += socket.turn()
            case 18: lines += socket.clientHasWaiting(Int.random(in: 0...8192, using: &random))
            case 19: _ = socket.clientTook(to: 0, acknowledged: 10_000)
            case 20: lines += socket.tokenIsDue(at: seconds + 10)
            case ...40: lines += socket.client(octets: client.arriving(&random))
            default: lines += socket.upstream(octets: upstream.arriving(&random))
            }
        }

        /// The numbers of the whole messages that this side has received.
        func received(_ side: String) -> [Int] {
            let text = lines.compactMap { line -> String? in
                for word in ["text ", "text- ", "more ", "more- ", "text~ z"]
                where line.hasPrefix("\(side) \(word)") {
                    let payload = line.dropFirst(side.count + 1 + word.count)
                    return payload == "said" || payload == "bye" || payload == "gone"
                        ? nil : String(payload)
                }
                return nil
            }.joined()
            return text.split(separator: "<").filter { $0.hasSuffix(">") }
                .compactMap { Int($0.filter(\.isNumber)) }
        }
    }

    private let routes: [RouteSettings]

    init() throws {
        routes = try ["relay", "answer"].map { pings in
            try SocketDialogue.route(
                "ping 25s \(pings); silence 60s; send_queue 4k; control_rate 1000")
        }
    }

    private static let count = Fuzzing.iterations(default: 300)

    @Test func `whatever happens, the rules are kept, and everything ends`() throws {
        for seed in 0..<UInt64(Self.count) {
            var history = try History(seed: Fuzzing.seed() &+ seed, on: routes)
            for _ in 0..<80 where !history.socket.hasEnded {
                history.step()
                // Somebody is always woken.
                if !history.socket.hasEnded, history.socket.nextTimer == .never {
                    Issue.record("no timer, seed \(seed)")
                }
            }
            check(history, seed)
            // Left alone, it ends.
            history.lines += history.socket.at(history.seconds + 1000)
            if !history.socket.hasEnded { Issue.record("it does not end, seed \(seed)") }
            let ends = history.lines.filter { $0.hasPrefix("end ") }.count
            if ends != 1 { Issue.record("\(ends) ends, seed \(seed)") }
        }
    }

    private func check(_ history: History, _ seed: UInt64) {
        if let wrong = history.lines.first(where: { $0.hasPrefix("WRONG") }) {
            Issue.record("\(wrong), seed \(seed)")
        }
        for (side, sent) in [
            ("client", history.upstream.number), ("upstream", history.client.number),
        ] {
            let received = history.received(side)
            if received != Array(0..<received.count) || received.count > sent {
                Issue.record("\(side) received \(received) of \(sent), seed \(seed)")
            }
        }
        for (side, stream) in [
            ("client", history.socket.toClient), ("upstream", history.socket.toUpstream),
        ] {
            let closes = history.lines.filter {
                $0 == "\(side) close" || $0.hasPrefix("\(side) close ")
            }.count
            if closes > 1 { Issue.record("\(closes) close frames, seed \(seed)") }
            if closes == 1, !stream.hasClosed { Issue.record("lost close, seed \(seed)") }
        }
    }

    /// Everything that was said has arrived, when nothing is in its way.
    @Test func `every message arrives, in order`() throws {
        for seed in 0..<UInt64(max(1, Self.count / 20)) {
            var history = try History(seed: Fuzzing.seed() &+ seed, on: routes)
            for _ in 0..<200 {
                history.client.speak(&history.random)
                history.upstream.speak(&history.random)
                let fromClient = history.client.arriving(&history.random)
                history.lines += history.socket.client(octets: fromClient)
                let fromUpstream = history.upstream.arriving(&history.random)
                history.lines += history.socket.upstream(octets: fromUpstream)
                history.lines += history.socket.say("said")
            }
            for _ in 0..<200 {
                history.lines += history.socket.upstream(
                    octets: history.upstream.arriving(&history.random))
                history.lines += history.socket.client(
                    octets: history.client.arriving(&history.random))
            }
            check(history, seed)
            #expect(history.received("client") == Array(0..<history.upstream.number))
            #expect(history.received("upstream") == Array(0..<history.client.number))
            #expect(!history.socket.hasEnded)
        }
    }
}
