import Clock
import Configured
import Endings
import Settings
import Testing

@testable import Relays

/// A conversation with an `EventFlow` in simulated time: what is done to it, and what comes of that
/// in words. Each piece that the client is sent is one word; how it ends is another.
final class EventDialogue {
    private var flow: EventFlow
    private let start = Instant.zero + .seconds(1000)
    private(set) var now: Instant
    /// Everything that the client was sent.
    private(set) var heard: [UInt8] = []
    /// What the client's system has acknowledged, and what it has not.
    var acknowledged: Int64 = 0
    var outstanding = 0
    /// When the token is to be asked about next.
    var nextExpiry = Instant.never
    private(set) var hasEnded = false

    /// - Parameter words: of the route, besides `events`.
    init(_ words: String = "comment 15s", isOpaque: Bool = false) throws {
        let settings = try Settings.reading(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { events; backend app; \(words) }
            """)
        now = start
        flow = EventFlow(
            try #require(settings.routes.first), isOpaque: isOpaque, now: start)
    }

    var text: String { String(decoding: heard, as: UTF8.self) }
    var heldCount: Int { flow.heldCount }
    var isClosed: Bool { flow.isClosed }
    var nextDue: Instant { flow.nextDue }

    func hasRoom(behind pending: Int) -> Bool { flow.hasRoom(behind: pending) }

    // MARK: The app

    func app(_ text: String) -> [String] { app(Array(text.utf8)) }

    func app(_ octets: [UInt8]) -> [String] {
        var words: [String] = []
        var index = 0
        var output: [UInt8] = []
        while let step = flow.received(octets.span, at: &index, now: now, into: &output) {
            words.append(carryOut(step, &output, octets))
        }
        #expect(index == octets.count, "all of it is taken")
        return words
    }

    func appEnds() -> [String] {
        once { flow, output in flow.appEnded(into: &output) }
    }

    func appBreaks() -> [String] { once { flow, _ in flow.appLost() } }

    // MARK: The gateway

    func begin(session: String? = nil, hasFinished: Bool = false) -> [String] {
        once { flow, output in
            flow.begin(
                session: session.map { Array($0.utf8) }, hasFinished: hasFinished, into: &output)
        }
    }

    func say(_ data: String) -> [String] {
        once { [now] flow, output in flow.say("said", Array(data.utf8), now: now, into: &output) }
    }

    func ask() -> [String] { once { [now] flow, output in flow.ask(now: now, into: &output) } }

    func probe(hasFinished: Bool = false) -> [String] {
        once { [now, acknowledged] flow, output in
            flow.probe(
                hasFinished: hasFinished, acknowledged: acknowledged, now: now, into: &output)
        }
    }

    func end(
        _ reason: EndReason, _ message: String? = nil,
        comingBack: StreamEnding.Return = .after(milliseconds: 100), awaitsBoundary: Bool = true
    ) -> [String] {
        let end = StreamEnding(
            reason, message: message.map { Array($0.utf8) }, comingBack: comingBack,
            awaitsBoundary: awaitsBoundary)
        return once { [now] flow, output in flow.end(end, now: now, into: &output) }
    }

    @discardableResult
    func expires(at seconds: Double) -> [String] {
        nextExpiry = start + .nanoseconds(Int64(seconds * 1e9))
        return once { [now, nextExpiry] flow, _ in flow.setExpiry(nextExpiry, now: now) }
    }

    func queueGrew(to pending: Int) { flow.queueGrew(to: pending, now: now) }

    func queueShrank(to pending: Int) -> Bool { flow.queueShrank(to: pending, now: now) }

    // MARK: Time

    /// Nobody was awake until so many seconds after the beginning.
    func jump(to seconds: Double) -> [String] {
        now = start + .nanoseconds(Int64(seconds * 1e9))
        return at(seconds)
    }

    /// It is so many seconds after the beginning: what is due until then is done, each thing at its
    /// moment.
    func at(_ seconds: Double) -> [String] {
        let target = start + .nanoseconds(Int64(seconds * 1e9))
        var words: [String] = []
        var turns = 0
        while flow.nextDue <= target {
            turns += 1
            guard turns < 100_000 else {
                Issue.record("it is due again and again")
                break
            }
            now = max(now, flow.nextDue)
            var output: [UInt8] = []
            while let step = flow.timePassed(
                to: now, taken: acknowledged,
                acknowledgements: Acknowledgements(
                    count: acknowledged, outstanding: outstanding), into: &output)
            {
                words.append(carryOut(step, &output, []))
            }
        }
        now = target
        return words
    }

    private func once(
        _ event: (inout EventFlow, inout [UInt8]) -> EventFlow.Step?
    ) -> [String] {
        var output: [UInt8] = []
        guard let step = event(&flow, &output) else {
            #expect(output.isEmpty)
            return []
        }
        return [carryOut(step, &output, [])]
    }

    private func carryOut(
        _ step: EventFlow.Step, _ output: inout [UInt8], _ input: [UInt8]
    ) -> String {
        #expect(!hasEnded, "nothing follows the end")
        switch step {
        case .pass(let range):
            #expect(!range.isEmpty)
            return hear(Array(input[range]))
        case .send:
            defer { output = [] }
            #expect(!output.isEmpty)
            return hear(output)
        case .end(let end):
            hasEnded = true
            defer { output = [] }
            return "\(end.reason.rawValue): \(hear(output))"
        case .cut(let end):
            hasEnded = true
            return "cut: \(end.reason.rawValue)"
        case .tooSlow:
            hasEnded = true
            return "too slow"
        case .leave: return "left"
        case .answered: return "is there"
        case .silent: return "is silent"
        case .askToken: return "token"
        }
    }

    private func hear(_ octets: [UInt8]) -> String {
        heard += octets
        return String(decoding: octets, as: UTF8.self)
    }
}
