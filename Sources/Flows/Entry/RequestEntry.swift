package import Clock
package import Endings
package import Identity
import Rates
import Routing
import Sessions
import Settings
import Upstreams

/// May this request come in, and where does it go? One list (`take`), in this order; every step
/// passes, asks something of the world, answers the request, or throws why not.
///
///     going --a question--> asked --told--> going          going --an answer, a refusal--> over
///     asked (keys, message) --told--> going, from the first step, by the newest rules
///     asked --too late, the process stops--> over
///
/// Pulled: `next` says what is to be done. To a question `told` gives the answer, at once or later;
/// until then `deadline` says how long it is waited for, and `timePassed` ends that. A value
/// without worker, connection, clock and log.
package struct RequestEntry: ~Copyable {
    /// The steps. Those in front of `route` answer also where nothing is served.
    enum Stage: Int {
        case target, secure, refresh, place
        case preflight, rewritten, route, kind, memory
        case address
        case socketOrigin, time
        case earlyRates
        case firstMessage, token, tokenFields
        case cookieOrigin
        case access, lateRates
        case names, live
        case destination

        var following: Stage { Stage(rawValue: rawValue + 1) ?? .destination }
    }

    enum State {
        case going(Stage)
        case ready(EntryStep, then: Stage)
        case asked(EntryQuestion.Kind, then: Stage)
        case over
    }

    /// What is waited for, and what is said when it does not come.
    struct Wait {
        var deadline: Instant
        var refusal: Refusal
    }

    private static let bodyTimeout: Duration = .seconds(10)
    /// Longer than the other connection waits for keys at most.
    private static let refreshTimeout: Duration = .seconds(100)

    var known: KnownRequest
    var notes: [EntryNote] = []
    var state = State.going(.target)
    var wait: Wait?
    /// The request drew from the buckets that are asked first; one that waited for keys draws once.
    private var hasDrawn = false
    /// When waiting for keys ends, however often they are read.
    var keyDeadline: Instant?
    /// The socket is open, because its first message says whose it is: whether nothing but packets
    /// of Socket.IO is sent on it.
    var opened: Bool?
    package internal(set) var seat: SeatWish?
    /// The response is there, and wants a seat.
    private var isLate = false

    /// A request whose head is whole.
    package init(_ request: EnteringRequest, by rules: Rulebook) {
        known = KnownRequest(request, rules)
    }

    package var found: Findings { known.found }
    /// What was found, of an entry that is over.
    package mutating func takeFindings() -> Findings { known.found.take() }
    package var query: QueryString { known.query }

    // MARK: The list

    package mutating func next(at now: Instant) throws(Refusal) -> EntryStep {
        guard case .going(var stage) = state else {
            guard case .ready(let step, let stage) = state else { return .wait }
            return try go(to: step, then: stage, at: now)
        }
        // Steps that pass leave the state alone: it is large, and most do.
        while true {
            do throws(Refusal) {
                if let step = try take(stage) {
                    return try go(to: step, then: stage.following, at: now)
                }
            } catch {
                throw ended(by: error)
            }
            stage = stage.following
        }
    }

    /// The contract: what is asked of a request, in this order. Nil passes.
    // A call for each would cost more than most of them do.
    @inline(__always) private mutating func take(_ stage: Stage) throws(Refusal) -> EntryStep? {
        switch stage {
        // 1 normalise
        case .target: try known.normalise()
        case .secure: return try known.secureLocation().map { redirect(308, to: $0) }
        case .refresh: return try refresh()
        case .place: known.findPlace()
        // 2 route
        case .preflight: return try known.preflight().map { .options($0) }
        case .rewritten: return known.rewrittenLocation().map { redirect(308, to: $0) }
        case .route: try known.findRoute()
        case .kind: try known.checkKind()
        // Requests with bodies, and WebSockets, have been asked before.
        case .memory: return known.isEventStream ? .ask(.memory) : nil
        // 3 address
        case .address: try checkAddress()
        // 4 origin
        case .socketOrigin: try known.checkSocketOrigin()
        // What would stay does not begin while the process stops.
        case .time: return known.stays ? .ask(.time) : nil
        // 5 rate
        case .earlyRates: return earlyRates()
        // 6 authenticate
        case .firstMessage: return firstMessage()
        case .token: return known.route?.authenticates == true ? .ask(.token) : nil
        // Configured fields may speak of the client, who is known now.
        case .tokenFields: noteTokenFields()
        // 7 origin
        case .cookieOrigin: try known.checkCookieOrigin()
        // 8 authorise
        case .access: try checkAccess()
        case .lateRates: return rates(known.route?.lateRates ?? [])
        // 9 admit
        case .names: return names()
        case .live: return live()
        // 10 choose
        case .destination: return try choose()
        }
        return nil
    }

    // MARK: Steps

    private mutating func refresh() throws(Refusal) -> EntryStep? {
        guard known.asksForRefresh else { return nil }
        return try known.checkRefresh().map { .options($0) } ?? .ask(.body)
    }

    private mutating func redirect(_ status: Int, to location: String) -> EntryStep {
        known.noteEarlyAnswer()
        return .redirect(status: status, location: location)
    }

    private mutating func checkAddress() throws(Refusal) {
        do throws(Refusal) {
            try known.checkAddress()
        } catch {
            notes.append(.denied)
            throw error
        }
    }

    /// By what is known without a token, so that what they refuse costs no look at one. Asked once,
    /// also of a request that waits for keys and is looked at again.
    private mutating func earlyRates() -> EntryStep? {
        guard let rules = known.route?.earlyRates, !rules.isEmpty, !hasDrawn else { return nil }
        hasDrawn = true
        return rates(rules)
    }

    private func rates(_ rules: [RateRule]) -> EntryStep? {
        if rules.isEmpty { return nil }
        let draws = known.draws(rules)
        return draws.isEmpty ? nil : .ask(.rate(draws))
    }

    private func firstMessage() -> EntryStep? {
        if opened != nil { return nil }
        switch known.firstMessageNeed() {
        case .nothing: return nil
        case .message: return .ask(.message)
        case .refused(let error): return .refuseEngine(error)
        }
    }

    private mutating func noteTokenFields() {
        guard known.found.identity != nil, let route = known.route else { return }
        known.noteAnswerFields(of: route, known.routeCaptures)
    }

    private mutating func checkAccess() throws(Refusal) {
        guard let place = known.place, !known.rules.letsEverybodyIn(at: place) else { return }
        let verdict = known.verdict
        for violation in verdict.reported {
            notes.append(.wouldRefuse(violation.rule, as: violation.refusal, words: nil))
        }
        guard let refusal = verdict.refused?.refusal else { return }
        throw known.route?.authenticates == true ? refusal.asFailedAttempt : refusal
    }

    private mutating func names() -> EntryStep? {
        guard known.stays else { return nil }
        known.noteLanguages()
        return known.route?.settings.sessions == nil ? nil : .ask(.names)
    }

    /// A connection that stays has a place among the live ones. Whether others stay, their
    /// responses say.
    private mutating func live() -> EntryStep? {
        if isLate { return .seated }
        known.noteControl(speaksSocketIO: opened ?? (known.route?.settings.socketIO != nil))
        return known.found.kind.transport.map { .ask(.place($0)) }
    }

    private func choose() throws(Refusal) -> EntryStep? {
        guard let route = known.route else {
            throw Refusal(.internalError, message: "There is no route")
        }
        switch route.settings.destination {
        case .respond(let status, let body): return .respond(status: status, body: body)
        case .ready: return .ready
        case .redirect(let status, let template):
            return .redirect(status: status, location: try known.location(template))
        case .ticket:
            try known.requirePOST()
            guard let identity = known.found.identity else {
                throw Refusal(.unauthenticated, message: "A ticket can be had only with a token")
            }
            return .ticket(identity)
        case .backend(let index):
            if let methods = try known.lastHop() { return .options(methods) }
            let target = known.forwarded(route)
            return .forward(
                ForwardOrder(
                    backend: index, route: route, target: target,
                    fields: known.configuredFields(route, target),
                    mayTakeSeatLate: route.settings.sessions != nil
                        && known.found.kind == .undeclared,
                    wish: ServerWish(of: known, known.rules.settings.backends[index].choice)))
        }
    }

    // MARK: Questions

    private mutating func go(
        to step: EntryStep, then stage: Stage, at now: Instant
    ) throws(Refusal) -> EntryStep {
        if opened != nil, !step.isForSockets { throw ended(by: .noWebSocket) }
        guard case .ask(let question) = step else {
            state = .over
            return step
        }
        state = .asked(question.kind, then: stage)
        wait = patience(for: question, at: now)
        return step
    }

    /// Nil for what is known at once, and for a seat: the news says until when it stays open.
    private func patience(for question: EntryQuestion, at now: Instant) -> Wait? {
        switch question {
        case .memory, .time, .rate, .token, .names, .seat, .place: nil
        case .keys(let wait): Wait(deadline: wait.deadline, refusal: wait.refusal)
        case .message:
            Wait(
                deadline: now + known.rules.settings.limits.firstMessageTimeout,
                refusal: .messageTooSlow)
        case .body: Wait(deadline: now + Self.bodyTimeout, refusal: .bodyTooSlow)
        case .refresh: Wait(deadline: now + Self.refreshTimeout, refusal: .keysUnavailable)
        }
    }

    // MARK: Once more

    /// From the first step, by the same rules.
    mutating func begin() {
        state = .going(.target)
        known = KnownRequest(known.request, known.rules)
        seat = nil
    }

    /// The rules have changed while it waits: by these it is judged when it is told what it waits
    /// for.
    package mutating func follow(_ request: EnteringRequest, by rules: Rulebook) {
        known = KnownRequest(request, rules)
    }

    /// The response turned out to be an event stream, for which the request takes a seat. What it
    /// was let in by is not asked again.
    package mutating func turnedOutToStay() {
        isLate = true
        known.found.kind = .events
        state = .going(.names)
    }

    /// Until when it is waited for; nil while nothing is.
    package var deadline: Instant? { wait?.deadline }

    /// Throws what is said when that does not come in time.
    package mutating func timePassed(to now: Instant) throws(Refusal) {
        guard let wait, now >= wait.deadline else { return }
        throw ended(by: wait.refusal)
    }

    /// The process stops: nobody waits for keys any more or for a first message, and who waits for
    /// a seat is sent away like those who have one.
    ///
    /// - Returns: what is to be done; nil for going on.
    package mutating func drained() throws(Refusal) -> EntryStep? {
        guard case .asked(let kind, _) = state else { return nil }
        switch kind {
        case .keys, .message: throw ended(by: .draining)
        case .seat:
            state = .over
            wait = nil
            return .end(.draining)
        case .memory, .time, .rate, .token, .names, .place, .body, .refresh: return nil
        }
    }

    /// A token that was not believed until its client left counts as one that is not: leaving early
    /// is no way to try more of them.
    package var failsByLeaving: Bool { isAsked(.keys) && wait?.refusal.isFailedAttempt == true }

    /// This is waited for.
    package func isAsked(_ wanted: EntryQuestion.Kind) -> Bool {
        if case .asked(let kind, _) = state { kind == wanted } else { false }
    }

    /// What is to be counted and written down; each once.
    package mutating func takeNotes() -> [EntryNote] {
        if notes.isEmpty { return [] }
        defer { notes = [] }
        return notes
    }

    /// The request ends, whoever says so.
    package mutating func ended(by refusal: Refusal) -> Refusal {
        state = .over
        wait = nil
        known.noteEarlyAnswer()
        return refusal
    }
}
