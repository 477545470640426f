internal import Endings
internal import Entry
internal import Loop
internal import Sessions

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

extension HeldRequest {
    /// Takes a seat for an event stream that has only now turned out to be one. Its response is
    /// there, so it waits neither for holders who are asked whether they live nor for late answers:
    /// where it would have to, it is refused, and what it asked for is given back. What was found
    /// is the request's then.
    func takeSeatLate() throws(Refusal) {
        defer { noteFindings() }
        entry.turnedOutToStay()
        while case .ask(let question) = try entry.next(at: loop.now) {
            switch question {
            case .names:
                try entry.told(loop.newNames(), at: loop.now)
            case .seat(let arrival):
                let news = context.news(of: thread.askForSeat(arrival), entry.seat)
                if case .open = news { throw .seatIsUnknown }
                try entry.told(.seat(news), at: loop.now)
            case .memory, .time, .rate, .token, .keys, .message, .place, .body, .refresh: return
            }
        }
    }
}
