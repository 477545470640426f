internal import Clock
internal import Generations
internal import HTTP1
internal import Loop
internal import Relays
internal import Transport

/// What a client's connection waits for, and what it wants to hear of.
extension HTTP1Client {
    // MARK: Interest

    /// Watches for what is wanted now; asks the kernel only when that changed.
    ///
    /// - Returns: whether the client has to be looked after: something is expected of it.
    package func watch(for use: ClientUse) -> Bool {
        if stage.isClosed { return false }
        return socket.watch(
            isRead: wantsInput(for: use), watchesForEnd: watchesForLeaving(use),
            lacksBody: use.mayHaveBody && http.lacksBody)
    }

    /// The client may be read from now.
    private func wantsInput(for use: ClientUse) -> Bool {
        switch stage {
        case .inUse: input.isWanted(for: use, isAhead: socket.unreadEnd.isLookedFor)
        case .proxyHeader, .handshake, .idle, .partial, .closing: input.isWanted(for: .nothing)
        case .lingering: input.isWanted(for: .nothing) && socket.readsWhileLingering
        case .closed: false
        }
    }

    /// While a request is under way its client is watched also when it is not read from, because
    /// the upstream takes no more or is not there yet: an end that stands behind unread octets is
    /// never read.
    private func watchesForLeaving(_ use: ClientUse) -> Bool {
        if hasFinished { return false }
        switch use {
        case .waiting, .request: return true
        // The end is read, because what comes before it counts.
        case .nothing, .frames: return false
        }
    }

    /// Something of what was sent waits to be taken, and the poller says when that goes on.
    package var isBlocked: Bool { socket.interest.isWritable }

    // MARK: Duties

    /// The client's turn to send or to take begins or ends, or it may have left.
    package func lookAfter(_ duty: ClientDuty) {
        watchPace(duty)
        let isSilent = duty.mayBeAsked && !socket.interest.isReadable && !hasFinished
        socket.change(
            .asking,
            socket.unreadEnd.watch(
                isSilent: isSilent, isSet: socket.due(.asking) != .never, at: loop.now))
    }

    /// The client's turn to send or to take begins or ends.
    package func watchPace(_ duty: ClientDuty) {
        socket.watchPace(duty.slow, turn(duty.body), count: http.bodyCount)
    }

    private func turn(_ body: ClientDuty.BodyPart?) -> ClientPace.BodyTurn {
        switch body {
        case nil: .nobody
        case .heldBack: .others
        case .wanted: socket.interest.isReadable && http.waitsFor == .body ? .client : .others
        }
    }

    /// A full queue is another matter from here on, and the clock begins anew.
    package func forgetTaking() { socket.forgetTaking() }

    // MARK: Memory

    /// Tells the loop what the connection holds that its client, or its upstream, could make it
    /// hold.
    ///
    /// - Parameter count: octets that are held for it besides.
    package func countMemory(beside count: Int) {
        if stage.isClosed { return }
        var held = input.held.count + count
        switch stage {
        case .proxyHeader, .handshake, .idle, .partial, .inUse: held += http.keptCount
        case .closing(let socket): held += socket.heldCount
        case .lingering, .closed: break
        }
        socket.countMemory(beside: held)
    }

    /// Octets that the loop counts as held by the connection.
    package var counted: Int { socket.counted }
}
