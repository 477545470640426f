internal import Bytes
internal import Clock
internal import Endings
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// How a relay ends: by its two ends, by rule, or because one of them is gone.
extension WebSocketRelay {
    /// How long one side's close frame waits for the other's.
    private static let closeTimeout: Duration = .seconds(5)

    /// A close frame went through; the first one starts the clock for the second.
    func noteClose(_ frame: ControlFrame, in worker: Worker) {
        if context.detail == nil { context.detail = String(frame.closeCode ?? 1005) }
        if clientHasClosed, upstreamHasClosed {
            conclude(.normal, in: worker)
            closeUpstream(in: worker)
            return client.finish(in: worker)
        }
        let deadline = worker.now + Self.closeTimeout
        client.setDeadline(deadline, in: worker)
    }

    func clientInputEnded(in worker: Worker) {
        if clientHasClosed {
            conclude(.normal, in: worker)
            closeUpstream(in: worker)
            return client.close(in: worker)
        }
        clientLost(in: worker)
        client.close(in: worker)
    }

    func clientLost(in worker: Worker) {
        guard !hasEnded else { return }
        tellUpstream(.clientGone, in: worker)
        conclude(clientHasClosed ? .normal : .clientGone, in: worker)
    }

    func upstreamInputEnded(in worker: Worker) {
        guard !hasEnded else { return }
        if upstreamHasClosed { return closeUpstream(in: worker) }
        closeUpstream(in: worker)
        end(End(reason: .upstreamClosed), in: worker)
    }

    func upstreamLost(in worker: Worker) {
        upstream = nil
        lease = nil
        guard !hasEnded, !upstreamHasClosed else { return }
        end(End(reason: .upstreamClosed), in: worker)
    }

    /// The session table gave this socket's session up.
    func end(by ending: Ending, in worker: Worker) {
        guard let seat = context.session, seat.lease.id == ending.session else { return }
        let messages = context.generation.sessionBlocks[seat.block].messages
        let message = messages.forceDisconnect(
            ending.cause,
            SessionMessages.Values(limit: ending.limit, store: seat.store, device: seat.client),
            for: context.languages)
        end(
            End(message: message, reason: ending.reason, detail: ending.cause.rawValue),
            in: worker)
    }

    /// The process stops.
    func drain(in worker: Worker) {
        var message: [UInt8]?
        if let seat = context.session {
            message = context.generation.sessionBlocks[seat.block].messages.forceDisconnect(
                .draining, SessionMessages.Values(store: seat.store, device: seat.client),
                for: context.languages)
        }
        end(End(message: message, reason: .draining), in: worker)
    }

    /// Ends the socket by a close frame of ours, as soon as it may stand in the stream.
    func end(_ end: End, in worker: Worker) {
        guard !hasEnded, pendingEnd == nil else { return }
        pendingEnd = end
        if upstream == nil, !isBetweenMessages {
            // The rest of that message will never come.
            conclude(end.reason, in: worker)
            return client.close(in: worker)
        }
        endIfPossible(in: worker)
        guard !hasEnded else { return }
        upstreamFrames.pause = .afterMessage
        client.setDeadline(worker.now + Self.closeTimeout, in: worker)
    }

    func endIfPossible(in worker: Worker) {
        guard let end = pendingEnd, !hasEnded, isBetweenMessages else { return }
        var output: [UInt8] = []
        if let message = end.message {
            FrameEncoder.appendMessage(.text, message.span, to: &output)
        }
        FrameEncoder.appendClose(
            code: end.reason.closeCode, reason: end.detail ?? end.reason.rawValue, to: &output)
        client.stream.send(output.span)
        context.detail = end.detail
        tellUpstream(end.reason, in: worker)
        conclude(end.reason, in: worker)
        // What the client sends after a violation means nothing any more (RFC 6455 §7.1.7).
        if clientHasClosed || end.isViolation { return client.finish(in: worker) }
        let reader = messages.map { ClosingSocket.Reader.messages($0.fromClient) }
        client.begin(ClosingSocket(reader: reader ?? .frames(clientFrames)), in: worker)
    }

    /// A close frame for the upstream, as far as it may still have one, and the end.
    func tellUpstream(_ reason: EndReason, in worker: Worker) {
        guard let upstream else { return }
        if !clientHasClosed, messages != nil || clientFrames.isBetweenFrames {
            var output: [UInt8] = []
            FrameEncoder.appendClose(
                code: reason == .normal ? 1000 : 1001, reason: reason.rawValue,
                maskingKey: worker.newMaskingKey(), to: &output)
            upstream.stream.send(output.span)
        }
        closeUpstream(in: worker)
    }

    func closeUpstream(in worker: Worker) {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close(in: worker)
    }

    func conclude(_ reason: EndReason, in worker: Worker) {
        guard !hasEnded else { return }
        hasEnded = true
        context.session?.lease.end()
        worker.record(context, reason)
    }
}
