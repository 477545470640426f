internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import KeySets
internal import Loop
internal import Settings
internal import Transport

/// Asks the gate of a route, with the newest keys there are.
struct GateAttempt {
    /// A source that was just read is left alone for so long; longer nobody waits.
    private static let longestWait: Duration = .seconds(31)
    /// Sources that change in between are asked about so often.
    private static let rounds = 3

    let thread: ThreadState
    let generation: Generation
    /// An index into the routes of the generation.
    let route: Int
    /// Where the client comes from.
    let address: ClientAddress?
    /// When the token came, for who asks about it once more.
    let begin: Instant

    init(
        on thread: ThreadState, _ generation: Generation, route: Int,
        from address: ClientAddress?, begin: Instant
    ) {
        self.thread = thread
        self.generation = generation
        self.route = route
        self.address = address
        self.begin = begin
    }

    func run<Passed>(
        _ ask: (TokenGate, TokenGate.Circumstances, inout VerifiedTokenCache) throws(GateFailure)
            -> Passed
    ) -> GateOutcome<Passed> {
        for round in 1...Self.rounds {
            // The caller has seen that there is a gate; without one nobody is let in by mistake.
            let gates = thread.gates.newest(of: generation.gates)
            guard let gate = gates.gate(ofRoute: route) else { break }
            do throws(GateFailure) {
                return .passed(try ask(gate, circumstances(), &thread.gates.verifiedTokens))
            } catch {
                let sources = sources(of: error.unknownKeyRules)
                switch askForKeys(of: sources, seen: gates.version) {
                case .newer where round < Self.rounds: continue
                case .newer, .none: return .refused(refusal(error, sources))
                case .reading(let start, let deadline):
                    return .awaitKeys(
                        KeyWait(
                            refusal: refusal(error, sources), start: start,
                            deadline: deadline))
                }
            }
        }
        return .refused(.keysUnavailable)
    }

    private var loop: Loop { thread.loop }

    private func circumstances() -> TokenGate.Circumstances {
        TokenGate.Circumstances(
            date: SystemClock.wallTime(), now: loop.now,
            revocations: thread.shared.revocations.current, tickets: thread.shared.ticketBook,
            address: address)
    }

    /// A one-time ticket for who was let in with that request.
    static func ticket(
        for identity: VerifiedIdentity, _ head: RequestHead, _ query: QueryString,
        _ context: RequestContext
    ) throws(Refusal) -> String {
        let thread = context.thread
        let gates = thread.gates.newest(of: context.generation.gates)
        guard let route = context.found.route, let gate = gates.gate(ofRoute: route) else {
            throw .keysUnavailable
        }
        let attempt = GateAttempt(
            on: thread, context.generation, route: route, from: context.clientAddress,
            begin: context.origin.started)
        return try gate.issueTicket(
            for: identity, head.fields, query: query, attempt.circumstances())
    }

    // MARK: Unknown keys

    private enum Expectation {
        case none
        case newer
        case reading(from: Instant, until: Instant)
    }

    private func sources(of rules: [Int]) -> [KeySetSource] {
        let settings = generation.settings
        return rules.flatMap { settings.tokens[settings.routes[route].auth[$0]].keySetSources }
    }

    /// Has the sources read again, and says for how long that may take.
    private func askForKeys(of sources: [KeySetSource], seen: UInt64) -> Expectation {
        var first: Instant?
        var latest = loop.now
        for source in sources {
            switch thread.shared.keys.askForUnknownKey(of: source, seen: seen, since: begin) {
            // The newer keys are made into gates, about which there is a message.
            case .newer where generation.gates.version <= seen:
                first = loop.now
                latest = max(latest, loop.now + .seconds(1))
            case .newer: return .newer
            case .unknownSource, .settled: continue
            case .reading(let start):
                guard start <= loop.now + Self.longestWait else { continue }
                first = min(first ?? start, start)
                latest = max(latest, max(start, loop.now) + source.readingTime + .seconds(1))
            }
        }
        return first.map { .reading(from: $0, until: latest) } ?? .none
    }

    private func refusal(_ failure: GateFailure, _ sources: [KeySetSource]) -> Refusal {
        let keys = thread.shared.keys
        let isEmpty = sources.contains { keys.current($0).map { $0.document == nil } ?? false }
        return isEmpty ? .keysUnavailable : failure.refusal
    }
}

extension KeySetSource {
    /// How long reading it takes at most.
    fileprivate var readingTime: Duration {
        if case .remote(let set) = self { set.timeout } else { .seconds(1) }
    }
}
