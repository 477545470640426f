internal import Bytes
internal import Clock
internal import Endings
internal import Identity
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// How a relay ends: by its two ends, by rule, or because one of them is gone.
extension WebSocketRelay {
    /// How long one side's close frame waits for the other's.
    private static let closeTimeout: Duration = .seconds(5)
    /// How long the upstream has to answer what came before a violation of the client's.
    private static let settleTimeout: Duration = .milliseconds(500)

    /// A close frame went through; the first one starts the clock for the second.
    func noteClose(_ frame: ControlFrame, in worker: Worker) {
        if context.detail == nil { context.detail = String(frame.closeCode ?? 1005) }
        if clientHasClosed, upstreamHasClosed {
            conclude(.normal, in: worker)
            closeUpstream(in: worker)
            return client.finish(in: worker)
        }
        client.set(.end, at: worker.now + Self.closeTimeout, in: worker)
    }

    func clientInputEnded(in worker: Worker) {
        clientLost(in: worker)
        client.close(in: worker)
    }

    func clientLost(in worker: Worker) {
        guard !hasEnded else { return }
        tellUpstream(.clientGone, in: worker)
        if let violation { context.detail = violation.detail }
        conclude(violation?.reason ?? (clientHasClosed ? .normal : .clientGone), in: worker)
    }

    func upstreamInputEnded(in worker: Worker) {
        guard !hasEnded else { return }
        if upstreamHasClosed { return closeUpstream(in: worker) }
        closeUpstream(in: worker)
        endWithoutUpstream(in: worker)
    }

    func upstreamLost(in worker: Worker) {
        upstream = nil
        lease = nil
        guard !hasEnded, !upstreamHasClosed else { return }
        endWithoutUpstream(in: worker)
    }

    private func endWithoutUpstream(in worker: Worker) {
        if let pendingEnd { return breakOff(pendingEnd, in: worker) }
        end(
            violation
                ?? End(message: explanation(.appGone, in: worker), reason: .upstreamClosed),
            in: worker)
    }

    func disconnect(_ end: Disconnection, in worker: Worker) {
        self.end(
            End(
                message: context.disconnection(end), reason: end.cause.reason, detail: end.word,
                // Nobody is there to take the rest.
                cannotWait: end.cause == .silent,
                staysAway: end.reconnect == .no && end.cause.reason.isAboutClient),
            in: worker)
    }

    /// The process stops.
    func drain(in worker: Worker) {
        let message = context.drainMessage ?? explanation(.draining, in: worker)
        end(End(message: message, reason: .draining), in: worker)
    }

    /// For ends about which front ends are told only where they say that they read it.
    private func explanation(_ refusal: Refusal, in worker: Worker) -> [UInt8]? {
        guard context.session == nil, !context.speaksSocketIO, context.explains(refusal.reason)
        else { return nil }
        return ControlReply.error(refusal, at: SystemClock.wallTime()).octets
    }

    /// The client broke the protocol or a limit: from here on it is not listened to. What it said
    /// before is still answered, if the upstream does so soon; then it is told why it ends.
    func clientViolated(_ end: End, in worker: Worker) {
        guard !hasEnded, pendingEnd == nil, violation == nil else { return }
        violation = end
        client.request.makeLast(leavingRest: true)
        guard let upstream, !clientHasClosed, !upstreamHasClosed else {
            return self.end(end, in: worker)
        }
        var output: [UInt8] = []
        appendCloseForUpstream(end.reason, to: &output, in: worker)
        upstream.stream.send(output.span)
        clientHasClosed = true
        client.set(.end, at: worker.now + Self.settleTimeout, in: worker)
    }

    /// Ends the socket by a close frame of ours, as soon as it may stand in the stream.
    func end(_ end: End, in worker: Worker) {
        guard !hasEnded, pendingEnd == nil else { return }
        if upstreamHasClosed {
            // A close frame was passed on; nothing may follow it (RFC 6455 §5.5.1).
            conclude(end.reason, in: worker)
            closeUpstream(in: worker)
            return client.finish(in: worker)
        }
        pendingEnd = end
        if isBetweenMessages { return endIfPossible(in: worker) }
        if upstream == nil || end.cannotWait { return breakOff(end, in: worker) }
        upstreamFrames.pausesAfterMessage = true
        client.set(.end, at: worker.now + Self.closeTimeout, in: worker)
    }

    func endIfPossible(in worker: Worker) {
        guard let end = pendingEnd, !hasEnded, isBetweenMessages else { return }
        var output: [UInt8] = []
        for message in context.lastWords(of: end) {
            FrameEncoder.appendMessage(.text, message.span, to: &output)
        }
        appendClose(end, to: &output)
        client.stream.send(output.span)
        tellUpstream(end.reason, in: worker)
        conclude(end.reason, in: worker)
        // What the client sends after a violation means nothing any more (RFC 6455 §7.1.7).
        if clientHasClosed || violation != nil { return client.finish(in: worker) }
        let reader = messages.map { ClosingSocket.Reader.messages($0.fromClient) }
        client.begin(ClosingSocket(reader: reader ?? .frames(clientFrames)), in: worker)
        guard let messages, !messages.heldFromClient.isEmpty else { return }
        client.heardWhileClosing(messages.heldFromClient.span, in: worker)
        messages.heldFromClient = []
    }

    /// Ends the socket within a message whose rest will never come. A close frame may stand between
    /// two fragments (RFC 6455 §5.4), but not within one.
    ///
    /// - Parameter isHurried: the client has had time enough to take what waits for it.
    func breakOff(_ end: End, isHurried: Bool = false, in worker: Worker) {
        context.detail = end.detail
        if upstreamFrames.isBetweenFrames || messages != nil {
            var output: [UInt8] = []
            appendClose(end, to: &output)
            client.stream.send(output.span)
        }
        tellUpstream(end.reason, in: worker)
        conclude(end.reason, in: worker)
        if isHurried { client.finishSoon(in: worker) } else { client.finish(in: worker) }
    }

    /// Ends the socket at once: what either side still sends or waits for is nobody's any more.
    func giveUp(_ reason: EndReason, detail: String?, in worker: Worker) {
        if hasEnded { return }
        // Behind a close frame that was passed on none may follow (RFC 6455 §5.5.1).
        guard !upstreamHasClosed else {
            conclude(reason, in: worker)
            closeUpstream(in: worker)
            return client.finish(in: worker)
        }
        breakOff(End(reason: reason, detail: detail, cannotWait: true), in: worker)
    }

    /// What `end` was set for has not come in time.
    func endTimedOut(in worker: Worker) {
        if let violation, pendingEnd == nil { return end(violation, in: worker) }
        if let pendingEnd, !clientHasClosed, !upstreamHasClosed {
            return breakOff(pendingEnd, in: worker)
        }
        conclude(pendingEnd?.reason ?? .normal, in: worker)
        closeUpstream(in: worker)
        client.finish(in: worker)
    }

    private func appendClose(_ end: End, to output: inout [UInt8]) {
        FrameEncoder.appendClose(
            code: end.reason.closeCode, reason: end.detail ?? end.reason.rawValue, to: &output)
        context.detail = end.detail
    }

    /// A close frame for the upstream, as far as it may still have one, and the end.
    func tellUpstream(_ reason: EndReason, in worker: Worker) {
        guard let upstream else { return }
        if !clientHasClosed, messages != nil || clientFrames.isBetweenFrames {
            var output: [UInt8] = []
            appendCloseForUpstream(reason, to: &output, in: worker)
            upstream.stream.send(output.span)
        }
        closeUpstream(in: worker)
    }

    private func appendCloseForUpstream(
        _ reason: EndReason, to output: inout [UInt8], in worker: Worker
    ) {
        FrameEncoder.appendClose(
            code: reason == .normal ? 1000 : 1001, reason: reason.rawValue,
            maskingKey: worker.newMaskingKey(), to: &output)
    }

    func closeUpstream(in worker: Worker) {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close(in: worker)
    }

    /// Messages of the client's and of the upstream's so far.
    var messageCounts: (fromClient: Int, fromUpstream: Int) {
        (
            messages?.fromClient.messageCount ?? clientFrames.messageCount,
            messages?.fromUpstream.messageCount ?? upstreamFrames.messageCount
        )
    }

    func conclude(_ reason: EndReason, in worker: Worker) {
        guard !hasEnded else { return }
        hasEnded = true
        (context.messagesIn, context.messagesOut) = messageCounts
        context.release(reason.departure, in: worker)
        worker.record(context, reason)
    }
}

extension Refusal {
    /// The application went away without a close frame.
    fileprivate static let appGone = Refusal(
        .upstreamClosed, message: "The application closed the connection")
}
