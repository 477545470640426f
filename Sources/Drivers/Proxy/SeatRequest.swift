internal import Endings
internal import Entry
internal import Sessions

/// Places in the store of sessions.
extension Arrival {
    /// Asks the store for a seat, which is given back with the request.
    func askForSeat(_ worker: Worker) -> SeatQuestion.Outcome {
        let outcome = SeatQuestion.ask(
            self, of: worker.shared.sessions.store, now: worker.now)
        worker.noteSessionDeadline()
        return outcome
    }
}

extension RequestContext {
    /// What has become of the question for a seat. The seat, or the place in front of it, is the
    /// request's.
    func news(of outcome: SeatQuestion.Outcome, _ wish: SeatWish?) -> SeatNews {
        switch outcome {
        case .seated(let lease, let overruled):
            session = wish.map { SessionSeat(lease, $0) }
            return .given(despite: overruled)
        case .open(let question):
            session = wish.map { SessionSeat(question.lease, $0) }
            return .open(until: question.deadline)
        case .refused(let rejection):
            session = nil
            return .refused(rejection)
        case .failed(let failure): return .failed(failure)
        }
    }
}

extension RequestEntry {
    /// Takes a seat for an event stream that has only now turned out to be one. Its response is
    /// there, so it waits neither for holders who are asked whether they live nor for late answers:
    /// where it would have to, it is refused, and what it asked for is given back.
    private mutating func takeSeat(
        for context: RequestContext, in worker: Worker
    ) throws(Refusal) {
        turnedOutToStay()
        while case .ask(let question) = try next(at: worker.now) {
            switch question {
            case .names:
                try told(
                    .names(session: worker.newSessionID(), device: worker.newSessionID()),
                    at: worker.now)
            case .seat(let arrival):
                let news = context.news(of: arrival.askForSeat(worker), seat)
                if case .open = news { throw .seatIsUnknown }
                try told(.seat(news), at: worker.now)
            case .memory, .time, .rate, .token, .keys, .message, .place, .body, .refresh: return
            }
        }
    }

    /// Takes a seat for the latecomer, if there is one; what was found belongs to the request then.
    static func takeSeat(
        late latecomer: RequestEntry?, for context: RequestContext, in worker: Worker
    ) throws(Refusal) {
        guard var entry = latecomer else { return }
        defer {
            context.found = entry.found
            for note in entry.takeNotes() { note.take(of: context, in: worker) }
        }
        try entry.takeSeat(for: context, in: worker)
    }
}
