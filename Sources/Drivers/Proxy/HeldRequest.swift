internal import Clients
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Identity
internal import Loop
internal import Rates
internal import Sessions
internal import Settings

/// A request that comes in: does what its entry says (`RequestEntry`), finds out what that asks,
/// and holds the connection while an answer cannot be had at once: keys are being read, its first
/// message or its body is to come, or others have to be asked.
final class HeldRequest {
    /// A token and what is around it.
    static let bodySize = ControlRequest.octetLimit

    let client: ClientLink
    private(set) var request: EnteringRequest
    let framing: BodyFraming
    private(set) var context: RequestContext
    var entry: RequestEntry
    /// What came of a body that is for the gateway itself.
    var body: [UInt8] = []
    /// What the store of sessions has not decided.
    private var seatQuestion: SeatQuestion?
    /// The number of the refresh that the request waits for.
    private var refreshNumber: UInt64?

    init(
        _ head: RequestHead, _ framing: BodyFraming, _ context: RequestContext,
        from client: ClientLink
    ) {
        self.client = client
        self.framing = framing
        self.context = context
        request = EnteringRequest(head, context, from: client)
        entry = RequestEntry(request, by: context.generation.rules)
    }

    var head: RequestHead { request.head }
    var thread: ThreadState { client.thread }
    var loop: Loop { client.loop }

    // MARK: Questions and answers

    /// Goes on until something is waited for, or the request is through.
    func goOn() {
        do throws(Refusal) {
            while try carryOut(try entry.next(at: loop.now)) {}
        } catch {
            refuse(error)
        }
    }

    /// The answer to what the entry asked last.
    func told(_ answer: EntryAnswer) {
        do throws(Refusal) {
            try entry.told(answer, at: loop.now)
        } catch {
            return refuse(error)
        }
        goOn()
    }

    /// False when it does not go on at once.
    private func carryOut(_ step: EntryStep) throws(Refusal) -> Bool {
        if case .ask(let question) = step {
            guard let answer = try answer(question) else { return false }
            try entry.told(answer, at: loop.now)
            return true
        }
        if case .forward(let order) = step {
            try forward(order)
            return false
        }
        noteFindings()
        switch step {
        case .wait: hold()
        case .ask, .seated, .forward: break
        case .respond(let status, let body):
            client.give(.text(status, body, context), to: context)
        case .ready:
            guard thread.shared.status.isReady else { throw .stopping }
            client.give(.text(200, "ready\n", context), to: context)
        case .redirect(let status, let location):
            client.give(.redirect(status, location), to: context)
        case .options(let fields):
            client.give(.options(fields), to: context)
        case .json(let octets):
            client.give(.json(octets), to: context)
        case .refuseEngine(let error):
            client.give(.engineError(error), to: context)
        case .ticket(let identity):
            let ticket = try GateAttempt.ticket(for: identity, head, entry.query, context)
            client.give(.ticket(ticket), to: context)
        case .end(let end): client.end(StreamEnding(end, of: context), head: head, context)
        }
        return false
    }

    /// Nil where it is to be waited for.
    private func answer(_ question: EntryQuestion) throws(Refusal) -> EntryAnswer? {
        switch question {
        case .memory:
            try thread.checkMemory()
            return .memory(nil)
        case .time: return .time(isEnding: thread.isDraining)
        case .rate(let draws): return .rate(thread.shared.rates.take(draws, now: loop.now))
        case .token: return .token(askGate())
        case .names: return loop.newNames()
        case .place(let transport):
            noteFindings()
            try context.becomeLive(as: transport, of: client.token, head)
            return .place(nil)
        case .keys:
            if thread.isDraining { throw entry.ended(by: .draining) }
            guard thread.awaitKeys(client.token, from: context.clientAddress) else {
                return .keys(.tooMany)
            }
        case .seat(let arrival):
            return .seat(news(of: thread.askForSeat(arrival)))
        case .message:
            noteFindings()
            guard openSocket() else { return nil }
        case .body:
            noteFindings()
            if try wantBody() { return .body(takeBody()) }
        case .refresh(let order):
            if let outcome = refresh(order) { return .refresh(outcome) }
        }
        noteFindings()
        hold()
        return nil
    }

    /// Until what is waited for has come, or has not come in time.
    private func hold() {
        if let deadline = entry.deadline { client.hold(self, until: deadline) }
    }

    /// What admission has found out by now, for whoever answers the request or writes it down.
    func noteFindings() {
        context.found = entry.found
        takeNotes()
    }

    /// Counts and writes down what admission has to say besides.
    private func takeNotes() {
        for note in entry.takeNotes() { context.take(note) }
    }

    private func askGate() -> GateOutcome<TokenGate.Pass?> {
        guard let route = entry.found.route else { return .refused(.keysUnavailable) }
        let attempt = GateAttempt(
            on: thread, context.generation, route: route, from: context.clientAddress,
            begin: context.origin.started)
        let (fields, query) = (request.head.fields, entry.query)
        let message = context.opened?.message
        return attempt.run { (gate, circumstances, cache) throws(GateFailure) in
            try gate.authenticate(
                fields, query: query, message: message, circumstances, cache: &cache)
        }
    }

    private func forward(_ order: ForwardOrder) throws(Refusal) {
        if client.request.lacksBody {
            try client.request.wantBody(atMost: order.route.settings.bodySize ?? .max)
        }
        context.found = order.mayTakeSeatLate ? entry.found : entry.takeFindings()
        takeNotes()
        let exchange = Exchange(
            plan: ForwardPlan(order, group: context.generation.groups[order.backend]),
            request: request, framing: framing, context: context, client: client,
            latecomer: order.mayTakeSeatLate ? self : nil)
        client.begin(exchange)
        exchange.begin()
    }

    // MARK: Keys and messages

    /// Also told after a reload, which may have brought keys: then the newest rules judge it.
    func keysRead() {
        guard entry.isAsked(.keys) else { return }
        follow()
        told(.keys(.read))
    }

    /// Judged by the newest rules, as a request whose head is whole.
    func messageCame(on socket: OpenedSocket) {
        follow()
        told(.message(speaksSocketIO: socket.engine != nil))
    }

    /// By the newest generation.
    private func follow() {
        client.connection.follow(thread.generation)
        guard context.generation !== client.connection.generation else { return }
        context = thread.context(of: head, from: client.request, inPlaceOf: context)
        request = EnteringRequest(head, context, from: client)
        entry.follow(request, by: context.generation.rules)
    }

    // MARK: Seats

    /// What the store of sessions says: the session is in, or not, or no longer.
    func told(_ message: SessionMessage) {
        guard entry.isAsked(.seat), let question = seatQuestion else { return }
        switch question.told(message, now: loop.now) {
        case .outcome(let outcome): told(.seat(news(of: outcome)))
        case .ended(let ending): told(.seat(.ended(ending)))
        case .probed: question.lease.answered(now: loop.now)
        case .foreign: break
        }
    }

    /// What has become of the question for a seat.
    private func news(of outcome: SeatQuestion.Outcome) -> SeatNews {
        seatQuestion = if case .open(let question) = outcome { question } else { nil }
        return context.news(of: outcome, entry.seat)
    }

    /// Nil when the connection is asked that it is for.
    private func refresh(_ order: RefreshOrder) -> RefreshOutcome? {
        guard let number = order.send(from: client) else { return .unknownSession }
        refreshNumber = number
        return nil
    }

    /// What came of the refresh of this number, which may be one that was not waited for any more.
    func replied(_ outcome: RefreshOutcome, number: UInt64) {
        guard refreshNumber == number else { return }
        told(.refresh(outcome))
    }

    // MARK: Ends

    /// The client finished sending. Who waits for an answer of our own may still want it; who left
    /// while keys were read is not kept for the half minute that may take.
    func clientInputEnded() {
        if entry.isAsked(.refresh) { return }
        clientLost()
        // Earlier answers may still wait to be taken.
        client.finish()
    }

    /// The client is gone.
    func clientLost() {
        if entry.failsByLeaving { context.noteFailedAttempt() }
        context.release()
        context.record(.clientGone)
    }

    /// The process stops.
    func drain() {
        do throws(Refusal) {
            guard let step = try entry.drained() else { return }
            _ = try carryOut(step)
        } catch {
            refuse(error)
        }
    }

    /// The time to finish is over, and it has no answer.
    func drainIsOver() {
        client.request.makeLast()
        refuse(entry.ended(by: .draining))
    }

    func timerFired() {
        if entry.isAsked(.keys) { thread.stopAwaitingKeys(client.token) }
        if entry.isAsked(.body), !client.request.giveUpRequest() {
            return client.finish()
        }
        if entry.isAsked(.seat), let seatQuestion {
            let outcome = seatQuestion.timePassed(to: loop.now)
            return told(.seat(news(of: outcome)))
        }
        do throws(Refusal) {
            try entry.timePassed(to: loop.now)
        } catch {
            refuse(error)
        }
    }

    /// Octets of the head, and of what came of a body.
    var heldCount: Int {
        request.head.fields.bytes.count + body.count + (context.opened?.heldCount ?? 0)
    }

    /// There is no memory for what came behind it.
    func shed() {
        client.request.makeLast()
        refuse(entry.ended(by: .memory))
    }

    /// Ends the request, with that or with what is told who fails too often.
    func refuse(_ refusal: Refusal) {
        let refusal = context.answer(to: entry.ended(by: refusal))
        noteFindings()
        if refusal.endsConnection { client.request.makeLast(leavingRest: true) }
        client.refuse(refusal, head: head, context)
    }
}

extension Refusal {
    /// For what was sent to an application and is not answered when the process ends.
    static let unfinished = Refusal(
        .draining, detail: "unfinished",
        message: "The gateway stopped before the application had answered")

    /// For a request that cannot be written: no client can send such a one.
    static let unwritable = Refusal(.internalError, message: "The request could not be passed on")
}

extension StreamEnding {
    /// The end of a request that had a place, or waited for one.
    fileprivate init(_ end: SeatEnd, of context: RequestContext) {
        let delay = context.thread.loop.reconnectDelayMilliseconds()
        switch end {
        case .draining: self = .draining(context, comingBackIn: delay)
        case .ordered(let ending):
            self.init(Disconnection(ending, comingBackIn: delay), of: context, comingBackIn: delay)
        }
    }
}
