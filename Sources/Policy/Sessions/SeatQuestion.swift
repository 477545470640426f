package import Clock

/// A connection's question for a seat that is not decided yet: what an answer means for whoever
/// waits, whether it comes at once or later.
///
///     ask ──▶ asked ──waiting──▶ waiting
///      │        │                  │
///      │        ├──────────────────┴── admitted ──▶ seated
///      ├────────┴── refused, unavailable, no word in time, ended ──▶ over
///      └── decided at once: any of these
///
/// The seat, or the place among those who wait, is its lease's: when the question is dropped
/// (the client left, the process stops) the store is told. What is answered after that is for
/// nobody: `SessionMessage.stray` says what to do with it.
package struct SeatQuestion: Sendable {
    /// What the question has come to.
    package enum Outcome: Sendable {
        /// Also when the rules, which only report, would not have it.
        case seated(SessionLease, despite: OverruledRule?)
        /// Not decided; `deadline` says until when that is borne.
        case open(SeatQuestion)
        case refused(Rejection)
        /// There is no answer; the store was told that nobody waits for it.
        case failed(StoreFailure)
    }

    /// What a message to the connection means for the question.
    package enum Word: Sendable {
        case outcome(Outcome)
        /// The session was let in and ended, of which this connection hears the second first.
        case ended(Ending)
        /// The session was let in, and the store asks already whether its client is there: a client
        /// that asks for a seat is.
        case probed
        /// Another session of this connection is meant.
        case foreign
    }

    private enum State: Sendable {
        /// Not a word from the store.
        case asked
        /// Others are asked whether they live.
        case waiting
    }

    /// For the first word. A store on the same network answers within milliseconds; a client waits
    /// that long without harm.
    package static let answerPatience: Duration = .seconds(3)
    /// Behind that: longer than holders of seats have to answer.
    package static let decisionPatience: Duration = .seconds(45)

    package let lease: SessionLease
    /// When `timePassed` has something to say.
    package let deadline: Instant
    private let state: State

    private init(_ lease: SessionLease, _ state: State, deadline: Instant) {
        self.lease = lease
        self.state = state
        self.deadline = deadline
    }

    /// Asks the store.
    package static func ask(
        _ arrival: Arrival, of store: any SessionStore, now: Instant
    ) -> Outcome {
        guard let answer = store.arrive(arrival, now: now) else {
            return .open(
                SeatQuestion(
                    SessionLease(waiting: arrival, in: store), .asked,
                    deadline: now + answerPatience))
        }
        switch answer {
        case .admitted(let record, let rule):
            return .seated(SessionLease(of: record, in: store), despite: rule)
        case .refused(let rejection): return .refused(rejection)
        case .waiting, .unavailable:
            let lease = SessionLease(waiting: arrival, in: store)
            return SeatQuestion(lease, .asked, deadline: now).told(answer, now: now)
        }
    }

    /// What the store says to the connection that asks.
    package func told(_ message: SessionMessage, now: Instant) -> Word {
        switch message {
        case .answer(let answer, lease.id, _): .outcome(told(answer, now: now))
        case .end(let ending) where ending.session == lease.id: .ended(ending)
        case .probe(lease.id, _): .probed
        case .answer, .end, .probe: .foreign
        }
    }

    private func told(_ answer: SeatAnswer, now: Instant) -> Outcome {
        switch answer {
        case .admitted(_, let rule): return .seated(lease, despite: rule)
        case .waiting:
            guard case .asked = state else { return .open(self) }
            return .open(SeatQuestion(lease, .waiting, deadline: now + Self.decisionPatience))
        case .refused(let rejection):
            lease.dissolve()
            return .refused(rejection)
        case .unavailable:
            // Perhaps it was let in all the same, and only the answer was lost.
            lease.end(.normal, now: now)
            return .failed(.unavailable)
        }
    }

    package func timePassed(to now: Instant) -> Outcome {
        guard now >= deadline else { return .open(self) }
        lease.end(.normal, now: now)
        return .failed(.late)
    }
}
