package import Clock
package import Endings
import Identity
import Sessions
import Settings

/// What the answers to its questions mean for a request.
extension RequestEntry {
    /// The answer to the question that was asked last. One that nobody waits for any more is not
    /// heard.
    package mutating func told(_ answer: EntryAnswer, at now: Instant) throws(Refusal) {
        guard case .asked(let kind, let stage) = state, kind == answer.kind else { return }
        state = .going(stage)
        wait = nil
        do throws(Refusal) {
            try hear(answer, then: stage, at: now)
        } catch {
            throw ended(by: error)
        }
    }

    private mutating func hear(
        _ answer: EntryAnswer, then stage: Stage, at now: Instant
    ) throws(Refusal) {
        switch answer {
        case .memory(let refusal), .place(let refusal): if let refusal { throw refusal }
        case .time(let isEnding): if isEnding { throw .draining }
        case .rate(let wait): if let wait { try refuseForRate(wait) }
        case .token(let outcome): try hear(outcome, then: stage, at: now)
        case .keys(.read): begin()
        case .keys(.tooMany): throw .tooManyWait
        case .message(let speaksSocketIO):
            opened = speaksSocketIO
            begin()
        case .names(let session, let device):
            if let arrival = try arrival(session, device) {
                state = .ready(.ask(.seat(arrival)), then: stage)
            }
        case .seat(let news): try hear(news, then: stage)
        case .body(let octets): state = .ready(.ask(.refresh(try order(octets))), then: stage)
        case .refresh(.refreshed(let reply)): state = .ready(.json(reply.octets), then: stage)
        case .refresh(.refused(let refusal)): throw refusal
        }
    }

    private mutating func refuseForRate(_ wait: Duration) throws(Refusal) {
        let refusal = Refusal(
            .rateLimited, detail: "rate", message: "Too many requests",
            retryAfterSeconds: wait.secondsRoundedUp)
        if known.isReportOnly(.rate) {
            return notes.append(.wouldRefuse(.rate, as: refusal, words: nil))
        }
        notes.append(.rateLimited)
        throw refusal
    }

    private mutating func hear(
        _ outcome: GateOutcome<TokenGate.Pass?>, then stage: Stage, at now: Instant
    ) throws(Refusal) {
        switch outcome {
        case .passed(let pass):
            known.found.identity = pass?.identity
            known.found.tokenPlace = pass?.place
        case .refused(let refusal): try refuse(refusal)
        case .awaitKeys(let wait):
            // Waiting would delay a request that is let in anyway.
            if known.isReportOnly(.auth) { return try refuse(wait.refusal) }
            guard var shorter = wait.within(keyDeadline), now < shorter.deadline else {
                return try refuse(wait.refusal)
            }
            keyDeadline = shorter.deadline
            shorter.refusal.login = known.login
            state = .ready(.ask(.keys(shorter)), then: stage)
        }
    }

    /// For want of a good token.
    private mutating func refuse(_ refusal: Refusal) throws(Refusal) {
        if known.isReportOnly(.auth) {
            return notes.append(.wouldRefuse(.auth, as: refusal, words: nil))
        }
        var refusal = refusal
        refusal.login = known.login
        throw refusal
    }

    /// Nil where it comes in without a seat.
    private mutating func arrival(
        _ session: SessionID, _ device: SessionID
    ) throws(Refusal) -> Arrival? {
        guard let index = known.route?.settings.sessions else { return nil }
        let block = known.rules.sessionBlocks[index]
        let found: Arrival?
        do throws(Refusal) {
            found = try known.arrival(id: session, device: device, block)
        } catch {
            guard known.isReportOnly(.sessions) else { throw error }
            notes.append(.wouldRefuse(.sessions, as: error, words: nil))
            return nil
        }
        guard let arrival = found else { return nil }
        try known.checkSeatOrigin(arrival.device.origin)
        known.found.setCookie = arrival.device.setCookie(
            block.settings, isSecure: known.request.isSecure)
        seat = SeatWish(arrival, block: index)
        return arrival
    }

    private mutating func hear(_ news: SeatNews, then stage: Stage) throws(Refusal) {
        guard let seat else { return }
        switch news {
        case .given(nil): break
        case .given(let rule?):
            notes.append(
                .wouldRefuse(.sessions, as: rule.refusal, words: rule.words(seat.store)))
        case .open(let deadline):
            state = .asked(.seat, then: stage)
            wait = Wait(deadline: deadline, refusal: StoreFailure.late.refusal)
        case .refused(let rejection): throw known.refusal(rejection, seat)
        case .failed(let failure): throw failure.refusal
        case .ended(let ending): state = .ready(.end(.ordered(ending)), then: .destination)
        }
    }

    private func order(_ octets: [UInt8]) throws(Refusal) -> RefreshOrder {
        do throws(ControlError) {
            return try RefreshOrder(octets.span)
        } catch {
            throw error.refusal
        }
    }
}

extension Duration {
    /// Whole seconds, at least one, for `Retry-After`.
    fileprivate var secondsRoundedUp: Int {
        let nanoseconds = max(1, wholeNanoseconds)
        return Int((nanoseconds - 1) / 1_000_000_000 + 1)
    }
}
