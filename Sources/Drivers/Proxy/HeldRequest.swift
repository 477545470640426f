internal import Bytes
internal import Clock
internal import Endings
internal import Entry
internal import HTTP
internal import HTTP1
internal import Identity
internal import Rates
internal import Sessions
internal import Settings
internal import Transport

/// A request that comes in: does what its entry says (`RequestEntry`), finds out what that asks,
/// and holds the connection while an answer cannot be had at once: keys are being read, its first
/// message or its body is to come, or others have to be asked.
final class HeldRequest {
    /// A token and what is around it.
    static let bodySize = ControlRequest.octetLimit

    let head: RequestHead
    let framing: BodyFraming
    private(set) var context: RequestContext
    private(set) var entry: RequestEntry
    /// What came of a body that is for the gateway itself.
    var body: [UInt8] = []
    /// What the store of sessions has not decided.
    private var seatQuestion: SeatQuestion?
    /// The number of the refresh that the request waits for.
    private var refreshNumber: UInt64?

    init(
        _ head: RequestHead, _ framing: BodyFraming, _ context: RequestContext,
        from client: HTTP1Client, in worker: Worker
    ) {
        self.head = head
        self.framing = framing
        self.context = context
        entry = RequestEntry(
            EnteringRequest(head, context, from: client, in: worker), by: context.generation.rules)
    }

    // MARK: Questions and answers

    /// Goes on until something is waited for, or the request is through.
    func goOn(from client: HTTP1Client, in worker: Worker) {
        do throws(Refusal) {
            while try carryOut(try entry.next(at: worker.now), client, worker) {}
        } catch {
            refuse(error, client, worker)
        }
    }

    /// The answer to what the entry asked last.
    func told(_ answer: EntryAnswer, from client: HTTP1Client, in worker: Worker) {
        do throws(Refusal) {
            try entry.told(answer, at: worker.now)
        } catch {
            return refuse(error, client, worker)
        }
        goOn(from: client, in: worker)
    }

    /// False when it does not go on at once.
    private func carryOut(
        _ step: EntryStep, _ client: HTTP1Client, _ worker: Worker
    ) throws(Refusal) -> Bool {
        if case .ask(let question) = step {
            guard let answer = try answer(question, client, worker) else { return false }
            try entry.told(answer, at: worker.now)
            return true
        }
        noteFindings(in: worker)
        switch step {
        case .wait: hold(client, worker)
        case .ask, .seated: break
        case .respond(let status, let body):
            client.request.give(.text(status, body, context), to: context, in: worker)
        case .redirect(let status, let location):
            client.request.give(.redirect(status, location), to: context, in: worker)
        case .options(let fields):
            client.request.give(.options(fields), to: context, in: worker)
        case .json(let octets):
            client.request.give(.json(octets), to: context, in: worker)
        case .refuseEngine(let error):
            client.request.give(.engineError(error), to: context, in: worker)
        case .ticket(let identity):
            let ticket = try GateAttempt.ticket(
                for: identity, head, entry.query, context, in: worker)
            client.request.give(.ticket(ticket), to: context, in: worker)
        case .end(let end): self.end(end, client, worker)
        case .forward(let order): try forward(order, client, worker)
        }
        return false
    }

    /// Nil where it is to be waited for.
    private func answer(
        _ question: EntryQuestion, _ client: HTTP1Client, _ worker: Worker
    ) throws(Refusal) -> EntryAnswer? {
        switch question {
        case .memory:
            try worker.checkMemory()
            return .memory(nil)
        case .time: return .time(isEnding: worker.isDraining)
        case .rate(let draws): return .rate(worker.shared.rates.take(draws, now: worker.now))
        case .token: return .token(askGate(in: worker))
        case .names:
            return .names(session: worker.newSessionID(), device: worker.newSessionID())
        case .place(let transport):
            noteFindings(in: worker)
            try context.becomeLive(as: transport, client, head, in: worker)
            return .place(nil)
        case .keys:
            if worker.isDraining { throw entry.ended(by: .draining) }
            guard worker.awaitKeys(client.token, of: context) else { return .keys(.tooMany) }
        case .seat(let arrival):
            return .seat(news(of: arrival.askForSeat(worker)))
        case .message:
            noteFindings(in: worker)
            guard openSocket(from: client, in: worker) else { return nil }
        case .body:
            noteFindings(in: worker)
            if try wantBody(from: client) { return .body(takeBody()) }
        case .refresh(let order):
            if let outcome = refresh(order, client, worker) { return .refresh(outcome) }
        }
        noteFindings(in: worker)
        hold(client, worker)
        return nil
    }

    /// Until what is waited for has come, or has not come in time.
    private func hold(_ client: HTTP1Client, _ worker: Worker) {
        if let deadline = entry.deadline { client.hold(self, until: deadline, in: worker) }
    }

    /// What admission has found out by now, for whoever answers the request or writes it down.
    private func noteFindings(in worker: Worker) {
        context.found = entry.found
        for note in entry.takeNotes() { note.take(of: context, in: worker) }
    }

    private func askGate(in worker: Worker) -> GateOutcome<TokenGate.Pass?> {
        guard let route = entry.found.route else { return .refused(.keysUnavailable) }
        let attempt = GateAttempt(
            context.generation, route: route, from: context.clientAddress, begin: context.started)
        let (fields, query) = (head.fields, entry.query)
        let message = context.opened?.message
        return attempt.run(in: worker) { (gate, circumstances, cache) throws(GateFailure) in
            try gate.authenticate(
                fields, query: query, message: message, circumstances, cache: &cache)
        }
    }

    private func forward(
        _ order: ForwardOrder, _ client: HTTP1Client, _ worker: Worker
    ) throws(Refusal) {
        if client.request.lacksBody {
            try client.request.wantBody(atMost: order.route.settings.bodySize ?? .max)
        }
        let plan = ForwardPlan(
            order, group: context.generation.groups[order.backend],
            latecomer: order.mayTakeSeatLate ? entry : nil)
        let exchange = Exchange(
            plan: plan, head: head, framing: framing, context: context, client: client)
        client.begin(exchange, in: worker)
        exchange.begin(in: worker)
    }

    // MARK: Keys and messages

    /// Also told after a reload, which may have brought keys: then the newest rules judge it.
    func keysRead(from client: HTTP1Client, in worker: Worker) {
        guard entry.isAsked(.keys) else { return }
        follow(client, worker)
        told(.keys(.read), from: client, in: worker)
    }

    /// Judged by the newest rules, as a request whose head is whole.
    func messageCame(on socket: OpenedSocket, from client: HTTP1Client, in worker: Worker) {
        follow(client, worker)
        told(.message(speaksSocketIO: socket.engine != nil), from: client, in: worker)
    }

    /// By the newest generation.
    private func follow(_ client: HTTP1Client, _ worker: Worker) {
        client.follow(worker)
        guard context.generation !== client.generation else { return }
        context = RequestIntake.context(of: head, from: client, in: worker, inPlaceOf: context)
        entry.follow(
            EnteringRequest(head, context, from: client, in: worker), by: context.generation.rules)
    }

    // MARK: Seats

    /// What the store of sessions says: the session is in, or not, or no longer.
    func told(_ message: SessionMessage, from client: HTTP1Client, in worker: Worker) {
        guard entry.isAsked(.seat), let question = seatQuestion else { return }
        switch question.told(message, now: worker.now) {
        case .outcome(let outcome): told(.seat(news(of: outcome)), from: client, in: worker)
        case .ended(let ending): told(.seat(.ended(ending)), from: client, in: worker)
        case .probed: question.lease.answered(now: worker.now)
        case .foreign: break
        }
    }

    /// What has become of the question for a seat.
    private func news(of outcome: SeatQuestion.Outcome) -> SeatNews {
        seatQuestion = if case .open(let question) = outcome { question } else { nil }
        return context.news(of: outcome, entry.seat)
    }

    private func end(_ end: SeatEnd, _ client: HTTP1Client, _ worker: Worker) {
        let end =
            switch end {
            case .draining: StreamEnding.draining(context, in: worker)
            case .ordered(let ending):
                StreamEnding(Disconnection(ending, in: worker), of: context, in: worker)
            }
        Answer.end(end, head: head, context: context, to: client, in: worker)
    }

    // MARK: Refreshes

    /// Nil when the connection is asked that it is for.
    private func refresh(
        _ order: RefreshOrder, _ client: HTTP1Client, _ worker: Worker
    ) -> RefreshOutcome? {
        guard let number = order.send(from: client, in: worker) else { return .unknownSession }
        refreshNumber = number
        return nil
    }

    /// What came of the refresh of this number, which may be one that was not waited for any more.
    func replied(
        _ outcome: RefreshOutcome, number: UInt64, from client: HTTP1Client,
        in worker: Worker
    ) {
        guard refreshNumber == number else { return }
        told(.refresh(outcome), from: client, in: worker)
    }

    // MARK: Ends

    /// The client finished sending. Who waits for an answer of our own may still want it; who left
    /// while keys were read is not kept for the half minute that may take.
    func clientInputEnded(from client: HTTP1Client, in worker: Worker) {
        if entry.isAsked(.refresh) { return }
        clientLost(in: worker)
        // Earlier answers may still wait to be taken.
        client.finish(in: worker)
    }

    /// The client is gone.
    func clientLost(in worker: Worker) {
        if entry.failsByLeaving { worker.noteFailedAttempt(of: context) }
        context.release(in: worker)
        worker.record(context, .clientGone)
    }

    /// The process stops.
    func drain(from client: HTTP1Client, in worker: Worker) {
        do throws(Refusal) {
            guard let step = try entry.drained() else { return }
            _ = try carryOut(step, client, worker)
        } catch {
            refuse(error, client, worker)
        }
    }

    /// The time to finish is over, and it has no answer.
    func drainIsOver(from client: HTTP1Client, in worker: Worker) {
        client.request.makeLast()
        refuse(entry.ended(by: .draining), client, worker)
    }

    func timerFired(from client: HTTP1Client, in worker: Worker) {
        if entry.isAsked(.keys) { worker.stopAwaitingKeys(client.token) }
        if entry.isAsked(.body), !client.request.giveUpRequest() {
            return client.finish(in: worker)
        }
        if entry.isAsked(.seat), let seatQuestion {
            let outcome = seatQuestion.timePassed(to: worker.now)
            return told(.seat(news(of: outcome)), from: client, in: worker)
        }
        do throws(Refusal) {
            try entry.timePassed(to: worker.now)
        } catch {
            refuse(error, client, worker)
        }
    }

    /// Octets of the head, and of what came of a body.
    var heldCount: Int {
        head.fields.bytes.count + body.count + (context.opened?.heldCount ?? 0)
    }

    /// There is no memory for what came behind it.
    func shed(from client: HTTP1Client, in worker: Worker) {
        client.request.makeLast()
        refuse(entry.ended(by: .memory), client, worker)
    }

    /// Ends the request, with that or with what is told who fails too often.
    func refuse(_ refusal: Refusal, _ client: HTTP1Client, _ worker: Worker) {
        let refusal = worker.answer(entry.ended(by: refusal), of: context)
        noteFindings(in: worker)
        if refusal.endsConnection { client.request.makeLast(leavingRest: true) }
        Answer.refuse(refusal, head: head, context: context, to: client, in: worker)
    }
}

extension Refusal {
    /// For what was sent to an application and is not answered when the process ends.
    static let unfinished = Refusal(
        .draining, detail: "unfinished",
        message: "The gateway stopped before the application had answered")

    static let bodyTooBig = Refusal(.tooBig, message: "The request body is too large")

    /// For a request that cannot be written: no client can send such a one.
    static let unwritable = Refusal(
        .internalError, message: "The request could not be passed on")
}
