internal import Bytes
internal import Deflate
internal import Endings
internal import Settings
internal import Transport
internal import WebSocket

/// The compressing path: permessage-deflate (RFC 7692) is spoken with the client only, every
/// message for itself; the upstream gets plain frames.
extension WebSocketRelay {
    /// Inflates what the client sends and passes it on in one masked frame a message.
    func inflate(
        _ octets: Span<UInt8>, _ messages: MessageDirections, to upstream: UpstreamConnection,
        in worker: Worker
    ) throws(WebSocketError) {
        var index = 0
        worker.scratch.removeAll(keepingCapacity: true)
        while let event = try messages.fromClient.decode(
            octets, at: &index, into: &worker.message)
        {
            switch event {
            case .message(let kind, let isCompressed):
                do throws(InflateError) {
                    try pass(kind, isCompressed: isCompressed, in: worker)
                } catch {
                    return end(
                        End(
                            reason: error == .corrupt ? .invalidPayload : .tooBig,
                            detail: "inflate",
                            isViolation: true
                        ),
                        in: worker)
                }
            case .messageInPlace, .fragment:
                // Not asked for.
                continue
            case .control(let frame):
                sendScratch(to: upstream, worker)
                clientSentControl(frame, to: upstream, in: worker)
                if hasEnded { return }
            }
        }
        sendScratch(to: upstream, worker)
    }

    private func pass(
        _ kind: MessageKind, isCompressed: Bool, in worker: Worker
    ) throws(InflateError) {
        let key = worker.newMaskingKey()
        let message = worker.message
        guard isCompressed else {
            return FrameEncoder.appendMessage(
                kind, message.span, maskingKey: key, to: &worker.scratch)
        }
        var output: [UInt8] = []
        swap(&output, &worker.scratch)
        defer { swap(&output, &worker.scratch) }
        try worker.codecs.inflate(message.span, limit: route.inflatedSize) { inflated in
            FrameEncoder.appendMessage(kind, inflated, maskingKey: key, to: &output)
        }
    }

    /// Deflates what the upstream sends, where that makes it shorter.
    func deflate(
        _ octets: Span<UInt8>, _ messages: MessageDirections, in worker: Worker
    ) throws(WebSocketError) {
        var index = 0
        worker.scratch.removeAll(keepingCapacity: true)
        while let event = try messages.fromUpstream.decode(
            octets, at: &index, into: &worker.message)
        {
            switch event {
            case .message(let kind, _):
                append(kind, in: worker)
            case .messageInPlace, .fragment:
                // Not asked for.
                continue
            case .control(let frame):
                client.stream.send(worker.scratch.span)
                worker.scratch.removeAll(keepingCapacity: true)
                upstreamSentControl(frame, in: worker)
                if hasEnded { return }
            }
        }
        if !worker.scratch.isEmpty { client.stream.send(worker.scratch.span) }
        worker.scratch.removeAll(keepingCapacity: worker.scratch.capacity <= 1 << 20)
    }

    private func append(_ kind: MessageKind, in worker: Worker) {
        let message = worker.message
        if let compression = route.compression, let agreement,
            message.count >= compression.over
        {
            var output: [UInt8] = []
            swap(&output, &worker.scratch)
            defer { swap(&output, &worker.scratch) }
            let isShorter = worker.codecs.deflate(
                message.span, level: compression.level,
                windowBits: agreement.serverWindowBits
            ) { deflated in
                FrameEncoder.appendMessage(kind, deflated, isCompressed: true, to: &output)
            }
            if !isShorter { FrameEncoder.appendMessage(kind, message.span, to: &output) }
        } else {
            FrameEncoder.appendMessage(kind, message.span, to: &worker.scratch)
        }
    }

    private func sendScratch(to upstream: UpstreamConnection, _ worker: Worker) {
        if !worker.scratch.isEmpty { upstream.stream.send(worker.scratch.span) }
        worker.scratch.removeAll(keepingCapacity: worker.scratch.capacity <= 1 << 20)
    }
}

/// Reads the messages of both directions of a compressing relay.
final class MessageDirections {
    var fromClient: MessageAssembler
    var fromUpstream: MessageAssembler

    init(_ route: RouteSettings) {
        fromClient = MessageAssembler(
            from: .client, limits: FrameLimits(messageSize: route.messageSize),
            allowsCompression: true)
        fromUpstream = MessageAssembler(
            from: .server, limits: FrameLimits(messageSize: route.inflatedSize))
    }
}

extension WebSocketError {
    /// The row of the table of endings.
    var reason: EndReason {
        switch closeCode {
        case 1007: .invalidPayload
        case 1009: .tooBig
        default: .protocolError
        }
    }

    /// For the log and the close reason.
    var word: String { String(describing: self) }
}
