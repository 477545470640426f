internal import Bookkeeping
internal import Clients
internal import Endings
internal import Entry
internal import HTTP1
internal import Relays
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams

/// Clients that finish sending, or are gone, while their request is under way.
extension Exchange {
    /// The client finished sending.
    ///
    /// - Parameter hasAllCome: false when octets come before that which were not used yet, and may
    ///   be the rest of the request's body.
    func clientInputEnded(hasAllCome: Bool = true) {
        guard !hasEnded else { return }
        if wait.isActive { return leave(.normal, isBroken: false) }
        let end = InputEnd(
            context.found.kind, standing(hasAllCome: hasAllCome), isTLS: client.request.isTLS,
            finishesWithoutClient: plan.route.settings.finishesWithoutClient)
        switch end {
        case .leaves: leave(.normal, isBroken: false)
        case .isAsked: ask()
        case .goesOn: break
        }
    }

    private func standing(hasAllCome: Bool) -> InputEnd.Standing {
        let missing = client.request.missingBody(hasAllCome: hasAllCome)
        return InputEnd.Standing(
            missing, isClosed: events?.isClosed, isAnswered: response != .awaiting)
    }

    /// The client has to send more of its body, and is not read from, because the server takes no
    /// more of it.
    var isHeldBack: Bool { isReadingBody && !wantsClientInput }

    /// Its client may be asked whether it is there: one that has left is of no use to it, and what
    /// was sent of the body before can be thrown away.
    var mayAsk: Bool { !plan.route.settings.finishesWithoutClient }

    /// The connection of the client is broken. Who has finished sending before has said goodbye.
    func clientLost() {
        guard !hasEnded else { return }
        let loss = ClientLoss(
            finishesWithoutClient: plan.route.settings.finishesWithoutClient,
            isStream: events != nil || context.origin.isWebSocket, hasServer: upstream != nil,
            isWhole: !client.request.lacksBody, hasFinished: client.request.hasFinished)
        switch loss {
        case .goesOn: goOnUnattended()
        case .ends(let departure): leave(departure)
        }
    }

    /// - Parameter isBroken: false for a client that may still take earlier answers.
    func leave(_ departure: Departure, isBroken: Bool = true) {
        closeUpstream()
        conclude(.clientGone, departure)
        if isBroken { client.close() } else { client.finish() }
    }

    /// Nobody hears the answer. The application may finish it all the same.
    private func goOnUnattended() {
        unattended = UnattendedLease(thread.unattended)
        context.release(.normal)
        client.close()
        upstream?.updateInterest()
    }

    var isUnattended: Bool { unattended != nil }
}
