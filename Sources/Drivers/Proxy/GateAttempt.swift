internal import Clock
internal import Endings
internal import Identity
internal import KeySets
internal import Settings
internal import Transport

/// Why somebody is not let in, with all its faces.
struct GateRefusal: Sendable {
    var refusal: Refusal
    /// The value of `WWW-Authenticate`, if one is due.
    var challenge: String?
    /// It counts against the address it came from.
    var isFailedAttempt = false

    /// There has never been a key to check such a token with: that is not the client's fault.
    static let keysUnavailable = GateRefusal(
        refusal: Refusal(
            .upstreamUnavailable, status: 503, detail: "keys",
            message: "The keys to check the token with cannot be had", retryAfterSeconds: 5))

    static let noToken = GateRefusal(refusal: .noToken)

    init(refusal: Refusal, challenge: String? = nil, isFailedAttempt: Bool = false) {
        self.refusal = refusal
        self.challenge = challenge
        self.isFailedAttempt = isFailedAttempt
    }

    init(_ failure: GateFailure) {
        refusal = failure.refusal
        challenge = failure.challenge(realm: "gateway")
        isFailedAttempt = failure.isFailedAttempt
    }
}

/// What a token waits for whose key is not there.
struct KeyWait {
    /// What is said when the key does not come.
    var refusal: GateRefusal
    /// When the source that might have it begins to be read.
    var start: Instant
    /// When it is read at the latest.
    var deadline: Instant

    /// As of somebody who has waited before, and will not wait longer for that; nil when what is
    /// read after that comes too late.
    func within(_ deadline: Instant?) -> KeyWait? {
        guard let deadline else { return self }
        guard start < deadline else { return nil }
        var wait = self
        wait.deadline = min(wait.deadline, deadline)
        return wait
    }
}

/// Asks the gate of a route, with the newest keys there are.
struct GateAttempt {
    enum Outcome {
        /// Nil for nobody, where that may pass.
        case passed(VerifiedIdentity?)
        case refused(GateRefusal)
        /// The token names a key that is not there, and its source is being read again: the answer
        /// may be another one then.
        case awaitKeys(KeyWait)
    }

    /// A source that was just read is left alone for so long; longer nobody waits.
    private static let longestWait: Duration = .seconds(31)
    /// Sources that change in between are asked about so often.
    private static let rounds = 3

    let generation: Generation
    /// An index into the routes of the generation.
    let route: Int
    /// Where the client comes from.
    let address: ClientAddress?
    /// When the token came, for who asks about it once more.
    let begin: Instant

    init(
        _ generation: Generation, route: Int, from address: ClientAddress?, begin: Instant
    ) {
        self.generation = generation
        self.route = route
        self.address = address
        self.begin = begin
    }

    /// Nil for a request whose route is not known.
    init?(context: RequestContext) {
        guard let route = context.route else { return nil }
        self.init(
            context.generation, route: route, from: context.clientAddress, begin: context.started)
    }

    func run(
        in worker: Worker,
        _ ask: (TokenGate, TokenGate.Circumstances, inout VerifiedTokenCache) throws(GateFailure)
            -> VerifiedIdentity?
    ) -> Outcome {
        for round in 1...Self.rounds {
            // Who asks has seen that there is a gate; without one nobody is let in by mistake.
            let gates = worker.gates.newest(of: generation.gates)
            guard let gate = gates.gate(ofRoute: route) else { break }
            do throws(GateFailure) {
                return .passed(try ask(gate, circumstances(worker), &worker.gates.verifiedTokens))
            } catch {
                let sources = sources(of: error.unknownKeyRules)
                switch askForKeys(of: sources, seen: gates.version, in: worker) {
                case .newer where round < Self.rounds: continue
                case .newer, .none: return .refused(refusal(error, sources, worker))
                case .reading(let start, let deadline):
                    return .awaitKeys(
                        KeyWait(
                            refusal: refusal(error, sources, worker), start: start,
                            deadline: deadline))
                }
            }
        }
        return .refused(.keysUnavailable)
    }

    func circumstances(_ worker: Worker) -> TokenGate.Circumstances {
        TokenGate.Circumstances(
            date: SystemClock.wallTime(), now: worker.now,
            revocations: worker.shared.revocations.current, tickets: worker.shared.ticketBook,
            address: address)
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
    private func askForKeys(
        of sources: [KeySetSource], seen: UInt64, in worker: Worker
    ) -> Expectation {
        var first: Instant?
        var latest = worker.now
        for source in sources {
            switch worker.shared.keys.askForUnknownKey(of: source, seen: seen, since: begin) {
            // Its keys are made into gates, about which there is a message.
            case .newer where generation.gates.version <= seen:
                first = worker.now
                latest = max(latest, worker.now + .seconds(1))
            case .newer: return .newer
            case .unknownSource, .settled: continue
            case .reading(let start):
                guard start <= worker.now + Self.longestWait else { continue }
                first = min(first ?? start, start)
                latest = max(latest, max(start, worker.now) + source.readingTime + .seconds(1))
            }
        }
        return first.map { .reading(from: $0, until: latest) } ?? .none
    }

    private func refusal(
        _ failure: GateFailure, _ sources: [KeySetSource], _ worker: Worker
    ) -> GateRefusal {
        let keys = worker.shared.keys
        let isEmpty = sources.contains { keys.current($0).map { $0.document == nil } ?? false }
        return isEmpty ? .keysUnavailable : GateRefusal(failure)
    }
}

extension KeySetSource {
    /// How long reading it takes at most.
    fileprivate var readingTime: Duration {
        if case .remote(let set) = self { set.timeout } else { .seconds(1) }
    }
}
