internal import Bytes
internal import Clock
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import JSON
internal import Sessions
internal import Settings
internal import Transport

/// A request that cannot be answered at once: keys are being read that its token may need, or its
/// body is for the gateway itself, or another connection has to be asked.
///
///     keys --read, or a reload--> admission, once more      keys --too late--> refused
///     message --came, or a reload since--> admission, once more
///     body --whole--> reply --answer of the other connection--> answered
final class HeldRequest {
    enum Stage {
        /// Nothing is held up yet.
        case none
        case keys(GateRefusal)
        /// The client of an opened WebSocket has to say who it is.
        case message(OpenedSocket)
        /// The store of sessions has not decided.
        case seat(Admission, SeatQuestion)
        case body
        /// What the connection of a session says to the refresh of this number.
        case reply(UInt64)
    }

    /// A token and what is around it.
    private static let bodySize = ControlRequest.octetLimit
    private static let bodyTimeout: Duration = .seconds(10)
    /// Longer than the other connection waits for keys at most.
    private static let replyTimeout: Duration = .seconds(100)

    let head: RequestHead
    let framing: BodyFraming
    private(set) var context: RequestContext
    private var stage = Stage.none
    private var body: [UInt8] = []
    /// When waiting for keys ends, however often they are read.
    private var keyDeadline: Instant?

    init(_ head: RequestHead, _ framing: BodyFraming, _ context: RequestContext) {
        self.head = head
        self.framing = framing
        self.context = context
    }

    // MARK: Keys

    /// The answer may be another one by then; until then nobody says no.
    func awaitKeys(_ wait: KeyWait, from client: HTTP1Client, in worker: Worker) {
        if worker.isDraining { return answer(.draining, client, worker) }
        guard let wait = wait.within(keyDeadline), worker.now < wait.deadline else {
            return refuse(wait.refusal, client, worker)
        }
        guard worker.awaitKeys(client.token, of: context) else {
            return refuse(.tooMany, client, worker)
        }
        keyDeadline = wait.deadline
        stage = .keys(wait.refusal)
        client.hold(self, until: wait.deadline, in: worker)
    }

    /// Also asked after a reload, which may have brought keys: then by the newest rules.
    func keysRead(from client: HTTP1Client, in worker: Worker) {
        guard case .keys = stage else { return }
        client.follow(worker)
        if context.generation !== client.generation {
            context = RequestIntake.context(
                of: head, from: client, in: worker, inPlaceOf: context)
        }
        RequestIntake.goOn(self, from: client, in: worker)
    }

    // MARK: First messages

    func awaitMessage(
        _ route: Generation.Route, from client: HTTP1Client, in worker: Worker
    ) {
        openSocket(on: route, from: client, in: worker)
        guard let socket = context.opened else { return }
        stage = .message(socket)
        let timeout = context.generation.settings.limits.firstMessageTimeout
        client.hold(self, until: worker.now + timeout, in: worker)
    }

    /// Judged by the newest rules, as a request whose head is whole.
    func messageCame(from client: HTTP1Client, in worker: Worker) {
        stage = .none
        client.follow(worker)
        if context.generation !== client.generation {
            context = RequestIntake.context(
                of: head, from: client, in: worker, inPlaceOf: context)
        }
        if worker.isDraining { return answer(.draining, client, worker) }
        RequestIntake.goOn(self, from: client, in: worker)
    }

    // MARK: Seats

    /// What the store of sessions says to the connection.
    func told(_ message: SessionMessage, from client: HTTP1Client, in worker: Worker) {
        guard case .seat(let admission, let question) = stage else { return }
        switch question.told(message, now: worker.now) {
        case .outcome(let outcome): seat(outcome, admission, from: client, in: worker)
        case .ended(let ending):
            let end = Disconnection(ending, in: worker)
            self.end(StreamEnding(end, of: context, in: worker), client, worker)
        case .probed: question.lease.answered(now: worker.now)
        case .foreign: break
        }
    }

    /// What has become of the question for a seat.
    func seat(
        _ outcome: SeatQuestion.Outcome, _ admission: Admission, from client: HTTP1Client,
        in worker: Worker
    ) {
        switch outcome {
        case .seated(_, let overruled):
            stage = .none
            if let overruled, let seat = context.session {
                worker.noteReportOnly(
                    .sessions, of: context, as: overruled.refusal, overruled.words(seat.store))
            }
            RequestIntake.seated(admission, self, from: client, in: worker)
        case .open(let question):
            stage = .seat(admission, question)
            client.hold(self, until: question.deadline, in: worker)
        case .refused(let rejection):
            guard let seat = context.session else { return }
            context.session = nil
            answer(
                context.refuse(
                    rejection, store: seat.store, client: seat.client, block: seat.block),
                client, worker)
        case .failed(let failure): answer(failure.refusal, client, worker)
        }
    }

    private func end(_ end: StreamEnding, _ client: HTTP1Client, _ worker: Worker) {
        stage = .none
        Answer.end(end, head: head, context: context, to: client, in: worker)
    }

    // MARK: Refreshes

    func readBody(from client: HTTP1Client, in worker: Worker) throws(Refusal) {
        try client.request.wantBody(atMost: Self.bodySize)
        stage = .body
        client.hold(self, until: worker.now + Self.bodyTimeout, in: worker)
        client.request.allowBody()
        if !client.request.lacksBody { bodyIsWhole(client, worker) }
    }

    func clientSent(
        _ octets: Span<UInt8>, at index: inout Int, from client: HTTP1Client,
        in worker: Worker
    ) {
        switch stage {
        case .message(let socket):
            readMessage(octets, at: &index, of: socket, from: client, in: worker)
        case .body: readBody(octets, at: &index, from: client, in: worker)
        case .none, .keys, .seat, .reply: break
        }
    }

    private func readBody(
        _ octets: Span<UInt8>, at index: inout Int, from client: HTTP1Client,
        in worker: Worker
    ) {
        do throws(RequestError) {
            while let event = try client.request.receive(octets, at: &index) {
                switch event {
                case .data(let range): body.append(copying: octets.extracting(range))
                case .end: return bodyIsWhole(client, worker)
                case .head, .octets: break
                }
            }
        } catch {
            answer(error.refusal, client, worker)
        }
    }

    private func bodyIsWhole(_ client: HTTP1Client, _ worker: Worker) {
        let order: RefreshOrder
        do throws(ControlError) {
            order = try RefreshOrder(body.span)
        } catch {
            return answer(error.refusal, client, worker)
        }
        body = []
        guard let id = SessionID(order.session), let live = worker.shared.live.find(id),
            live.livesOn != nil
        else {
            return replied(.unknownSession, from: client, in: worker)
        }
        let number = worker.newRefreshNumber()
        stage = .reply(number)
        client.hold(self, until: worker.now + Self.replyTimeout, in: worker)
        worker.shared.mailboxes[Int(live.connection.worker)].post(
            .refresh(
                connection: live.connection.connection,
                RefreshRequest(
                    session: id, token: order.token, begin: worker.now,
                    origin: RefreshRequest.Origin(
                        worker: worker.index, client: client.token, number: number))))
    }

    /// What came of the refresh of this number, which may be one that was not waited for any more.
    func replied(
        _ outcome: RefreshOutcome, number: UInt64, from client: HTTP1Client,
        in worker: Worker
    ) {
        guard case .reply(let asked) = stage, asked == number else { return }
        replied(outcome, from: client, in: worker)
    }

    private func replied(
        _ outcome: RefreshOutcome, from client: HTTP1Client, in worker: Worker
    ) {
        switch outcome {
        case .refreshed(let reply):
            client.request.give(.json(reply.octets), to: context, in: worker)
        case .refused(let refusal): refuse(refusal, client, worker)
        }
    }

    // MARK: Ends

    /// The client finished sending. Who waits for an answer of our own may still want it; who left
    /// while keys were read is not kept for the half minute that may take.
    func clientInputEnded(from client: HTTP1Client, in worker: Worker) {
        if case .reply = stage { return }
        clientLost(in: worker)
        // Earlier answers may still wait to be taken.
        client.finish(in: worker)
    }

    /// The client is gone. A token that was not believed until then counts as one that is not:
    /// leaving early is no way to try more of them.
    func clientLost(in worker: Worker) {
        if case .keys(let refusal) = stage, refusal.isFailedAttempt {
            worker.noteFailedAttempt(of: context)
        }
        context.release(in: worker)
        worker.record(context, .clientGone)
    }

    /// The process stops: nobody waits for keys any more, and who waits for a seat is sent away
    /// like those who have one.
    func drain(from client: HTTP1Client, in worker: Worker) {
        switch stage {
        case .keys, .message: answer(.draining, client, worker)
        case .seat: end(.draining(context, in: worker), client, worker)
        case .none, .body, .reply: break
        }
    }

    /// The time to finish is over, and it has no answer.
    func drainIsOver(from client: HTTP1Client, in worker: Worker) {
        client.request.makeLast()
        answer(.draining, client, worker)
    }

    func timerFired(from client: HTTP1Client, in worker: Worker) {
        switch stage {
        case .none: break
        case .keys(let refusal):
            worker.stopAwaitingKeys(client.token)
            refuse(refusal, client, worker)
        case .body where client.request.giveUpRequest():
            answer(
                Refusal(.timeout, message: "The request body did not come in time"), client,
                worker)
        case .body: client.finish(in: worker)
        case .reply: refuse(.keysUnavailable, client, worker)
        case .message:
            answer(
                Refusal(
                    .timeout, detail: "first_message",
                    message: "The first message did not come in time"), client, worker)
        case .seat(let admission, let question):
            seat(question.timePassed(to: worker.now), admission, from: client, in: worker)
        }
    }

    /// Octets of the head, and of what came of a body.
    var heldCount: Int {
        head.fields.bytes.count + body.count + (context.opened?.heldCount ?? 0)
    }

    /// There is no memory for what came behind it.
    func shed(from client: HTTP1Client, in worker: Worker) {
        client.request.makeLast()
        answer(.memory, client, worker)
    }

    private func refuse(
        _ refusal: GateRefusal, _ client: HTTP1Client, _ worker: Worker
    ) {
        let refusal = worker.answer(refusal, of: context)
        context.challenge = refusal.challenge
        answer(refusal.refusal, client, worker)
    }

    private func answer(
        _ refusal: Refusal, _ client: HTTP1Client, _ worker: Worker
    ) {
        RequestIntake.refuse(refusal, head, context, client, worker)
    }
}

extension Refusal {
    /// For what would begin while the process stops.
    static let draining = Refusal(
        .draining, message: "The gateway is about to stop", retryAfterSeconds: 1)

    /// For what was sent to an application and is not answered when the process ends.
    static let unfinished = Refusal(
        .draining, detail: "unfinished",
        message: "The gateway stopped before the application had answered")

    static let bodyTooBig = Refusal(.tooBig, message: "The request body is too large")

    /// For a request that cannot be written: no client can send such a one.
    static let unwritable = Refusal(
        .internalError, message: "The request could not be passed on")
}

extension GateRefusal {
    /// More requests wait for keys than may.
    fileprivate static let tooMany = GateRefusal(
        refusal: Refusal(
            .overloaded, detail: "keys", message: "Too many requests wait for keys",
            retryAfterSeconds: 30))
}
