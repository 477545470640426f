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

/// Asks the gate of a request's route, with the newest keys there are.
struct GateAttempt {
    enum Outcome {
        /// Nil for nobody, where that may pass.
        case passed(VerifiedIdentity?)
        case refused(GateRefusal)
        /// The token names a key that is not there, and its source is being read again: the answer
        /// may be another one then.
        case awaitKeys(GateRefusal, until: Instant)
    }

    /// A source that was just read is left alone for so long; longer nobody waits.
    private static let longestWait: Duration = .seconds(31)
    /// Sources that change in between are asked about so often.
    private static let rounds = 3

    let context: RequestContext

    func run(
        in worker: Worker,
        _ ask: (TokenGate, TokenGate.Circumstances, inout VerifiedTokenCache) throws(GateFailure)
            -> VerifiedIdentity?
    ) -> Outcome {
        let gates = context.generation.gates
        for round in 1...Self.rounds {
            guard let index = context.route,
                let (gate, seen) = gates.gate(ofRoute: index, worker.shared.keys)
            else { return .passed(nil) }
            do throws(GateFailure) {
                return .passed(try ask(gate, circumstances(worker), &worker.verifiedTokens))
            } catch {
                let sources = sources(of: error.unknownKeyRules, route: index)
                switch askForKeys(of: sources, seen: seen, in: worker) {
                case .newer where round < Self.rounds: continue
                case .newer, .none: return .refused(refusal(error, sources, worker))
                case .reading(let deadline):
                    return .awaitKeys(refusal(error, sources, worker), until: deadline)
                }
            }
        }
        return .passed(nil)
    }

    func circumstances(_ worker: Worker) -> TokenGate.Circumstances {
        TokenGate.Circumstances(
            date: SystemClock.wallTime(), now: worker.now,
            revocations: worker.shared.revocations.current, tickets: worker.shared.ticketBook,
            address: context.clientAddress)
    }

    // MARK: Unknown keys

    private enum Expectation {
        case none
        case newer
        case reading(until: Instant)
    }

    private func sources(of rules: [Int], route: Int) -> [KeySetSource] {
        let settings = context.generation.settings
        return rules.flatMap { settings.tokens[settings.routes[route].auth[$0]].keySetSources }
    }

    /// Has the sources read again, and says for how long that may take.
    private func askForKeys(
        of sources: [KeySetSource], seen: UInt64, in worker: Worker
    ) -> Expectation {
        var latest: Instant?
        for source in sources {
            switch worker.shared.keys.askForUnknownKey(of: source, seen: seen) {
            case .newer: return .newer
            case .unknownSource: continue
            case .reading(let start):
                guard start <= worker.now + Self.longestWait else { continue }
                let end = max(start, worker.now) + source.readingTime + .seconds(1)
                latest = max(latest ?? end, end)
            }
        }
        return latest.map { .reading(until: $0) } ?? .none
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
