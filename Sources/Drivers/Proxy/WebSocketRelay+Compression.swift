internal import Bytes
internal import Clock
internal import Deflate
internal import Endings
internal import Identity
internal import Settings
internal import SocketIO
internal import Transport
internal import WebSocket

/// The compressing path: permessage-deflate (RFC 7692) is spoken with the client, the upstream,
/// or both; every message is read whole on the way.
extension WebSocketRelay {
    /// Messages of so many octets on the wire cannot inflate to much: those who send no more than
    /// that wait for nobody's bombs.
    private static let lightSize = 8 * 1024

    // MARK: From the client

    /// Inflates what the client sends and passes it on in one masked frame a message.
    ///
    /// A small input can hold many messages that inflate to a lot. What the upstream does not take,
    /// or what would keep the worker from others, is held until later.
    func inflate(
        _ octets: Span<UInt8>, _ messages: MessageDirections, in worker: Worker
    ) throws(WebSocketError) {
        var output = worker.takeScratch()
        defer {
            // Also what was good in front of a violation.
            sendToUpstream(&output)
            worker.giveBack(scratch: &output)
        }
        var index = 0
        let allowance = worker.turnAllowance
        while index < octets.count {
            let left = messages.fromClient.gatheredCount + octets.count - index
            let isLight = left <= Self.lightSize
            let isAllowed =
                isLight
                ? worker.turnAllowance > allowance - Flow.lowWater : worker.allowsHeavyInput
            guard isAllowed, upstreamTakesMore else {
                messages.heldFromClient.append(
                    copying: octets.extracting(index..<octets.count))
                worker.resumeLater(client, isLight: isLight)
                break
            }
            guard
                let event = try messages.fromClient.decode(
                    octets, at: &index, into: &worker.message)
            else { break }
            switch event {
            case .message(let kind, let isCompressed):
                guard pass(kind, isCompressed, messages, to: &output, in: worker) else {
                    let rest = octets.extracting(index..<octets.count)
                    return client.heardWhileClosing(rest, in: worker)
                }
            case .control(let frame):
                sendToUpstream(&output)
                clientSentControl(frame, in: worker)
                if hasEnded || violation != nil { return }
            // Of masked frames, and below the size that would spill.
            case .messageInPlace, .fragment: break
            }
            if output.count >= Flow.lowWater { sendToUpstream(&output) }
        }
    }

    private var upstreamTakesMore: Bool {
        if awaitsSession { return false }
        return upstream.map { $0.stream.pendingCount < Flow.highWater } ?? true
    }

    private func sendToUpstream(_ output: inout [UInt8]) {
        guard let upstream else { return output.removeAll(keepingCapacity: true) }
        Self.send(&output, to: upstream.stream)
    }

    /// Goes on with what was held.
    func resumeFromClient(in worker: Worker) {
        // Still not taken: the upstream's next drain brings us here again.
        guard let messages, !messages.heldFromClient.isEmpty, upstreamTakesMore else { return }
        let octets = messages.heldFromClient
        messages.heldFromClient = []
        readFromClient(octets.span, in: worker)
    }

    /// False when the message ended the relay.
    private func pass(
        _ kind: MessageKind, _ isCompressed: Bool, _ messages: MessageDirections,
        to output: inout [UInt8], in worker: Worker
    ) -> Bool {
        let message = worker.message
        guard isCompressed else {
            return pass(kind, message.span, messages, to: &output, in: worker)
        }
        var inflated = worker.takeInflated()
        defer { worker.giveBack(inflated: &inflated) }
        do throws(InflateError) {
            try worker.codecs.inflate(
                message.span, with: messages.windows?.inflater, limit: route.settings.inflatedSize,
                ratio: messages.settings.ratio.map { InflateRatio(ratio: $0) }, into: &inflated)
        } catch {
            worker.turnAllowance -= inflated.count
            let reason = error == .corrupt ? EndReason.invalidPayload : .tooBig
            sendToUpstream(&output)
            clientViolated(End(reason: reason, detail: "inflate"), in: worker)
            return false
        }
        worker.turnAllowance -= inflated.count
        return pass(kind, inflated.span, messages, to: &output, in: worker)
    }

    /// A whole message: the upstream's, or one for the gateway itself.
    private func pass(
        _ kind: MessageKind, _ message: Span<UInt8>, _ messages: MessageDirections,
        to output: inout [UInt8], in worker: Worker
    ) -> Bool {
        if let opened = context.opened, kind == .text,
            opened.engine?.takesPong(message) ?? false
        {
            return true
        }
        if kind == .text, context.speaksControl,
            ControlRequest.isMeant(by: message)
        {
            switch Self.read(message) {
            case .forUpstream: break
            case .refused(let error):
                sendToUpstream(&output)
                refuse(error, in: worker)
                return !hasEnded && violation == nil
            case .refresh(let token):
                sendToUpstream(&output)
                refresh(token, in: worker)
                return !hasEnded && violation == nil
            }
        }
        appendForUpstream(kind, message, messages, to: &output, in: worker)
        return true
    }

    private func appendForUpstream(
        _ kind: MessageKind, _ message: Span<UInt8>, _ messages: MessageDirections,
        to output: inout [UInt8], in worker: Worker
    ) {
        let key = worker.newMaskingKey()
        guard let agreement = messages.upstream, message.count >= messages.settings.over else {
            return FrameEncoder.appendMessage(kind, message, maskingKey: key, to: &output)
        }
        worker.codecs.appendMaskedFrame(
            kind, message,
            by: messages.parameters(windowBits: agreement.clientWindowBits), key: key,
            to: &output)
    }

    // MARK: From the upstream

    /// Deflates what the upstream sends, where that makes it shorter.
    func deflate(
        _ octets: Span<UInt8>, _ messages: MessageDirections, in worker: Worker
    ) throws(WebSocketError) {
        var output = worker.takeScratch()
        defer {
            // Also what was good in front of a violation.
            sendToClient(&output)
            worker.giveBack(scratch: &output)
        }
        var index = 0
        while let event = try messages.fromUpstream.decode(
            octets, at: &index, into: &worker.message)
        {
            switch event {
            case .messageInPlace(let kind, let isCompressed, let range):
                let message = octets.extracting(range)
                append(kind, message, isCompressed, messages, to: &output, in: worker)
            case .message(let kind, let isCompressed):
                let message = worker.message
                append(kind, message.span, isCompressed, messages, to: &output, in: worker)
            case .fragment where awaitsSession: appIsStrange(in: worker)
            case .fragment(let kind, let isFirst, let isLast):
                let piece = worker.message
                FrameEncoder.appendFragment(
                    kind, piece.span, isFirst: isFirst, isLast: isLast, to: &output)
            case .control(let frame):
                sendToClient(&output)
                upstreamSentControl(frame, in: worker)
            }
            if !pendingToClient.isEmpty, messages.fromUpstream.isBetweenMessages {
                sendToClient(&output)
                injectToClient(in: worker)
            }
            if pendingEnd != nil, messages.fromUpstream.isBetweenMessages {
                sendToClient(&output)
                endIfPossible(in: worker)
            }
            if hasEnded { return }
        }
    }

    private func append(
        _ kind: MessageKind, _ message: Span<UInt8>, _ isCompressed: Bool,
        _ messages: MessageDirections, to output: inout [UInt8], in worker: Worker
    ) {
        if awaitsSession {
            return appOpened(kind, message, isCompressed: isCompressed, in: worker)
        }
        guard isCompressed else {
            return append(kind, message, messages, to: &output, in: worker)
        }
        if messages.passesCompressed {
            return FrameEncoder.appendMessage(kind, message, isCompressed: true, to: &output)
        }
        var inflated = worker.takeInflated()
        defer { worker.giveBack(inflated: &inflated) }
        do throws(InflateError) {
            try worker.codecs.inflate(
                message, with: nil, limit: MessageDirections.largestFromUpstream,
                ratio: nil, into: &inflated)
        } catch {
            sendToClient(&output)
            return end(
                End(reason: .internalError, detail: "upstream_inflate", cannotWait: true),
                in: worker)
        }
        append(kind, inflated.span, messages, to: &output, in: worker)
    }

    private func append(
        _ kind: MessageKind, _ message: Span<UInt8>, _ messages: MessageDirections,
        to output: inout [UInt8], in worker: Worker
    ) {
        guard let agreement = messages.client, message.count >= messages.settings.over,
            messages.effort.shouldTry()
        else { return FrameEncoder.appendMessage(kind, message, to: &output) }
        let shrank =
            if let deflater = messages.windows?.deflater {
                worker.codecs.appendFrame(
                    kind, message, keepingWindowOf: deflater, to: &output)
            } else {
                worker.codecs.appendFrame(
                    kind, message,
                    by: messages.parameters(windowBits: agreement.serverWindowBits), to: &output)
            }
        messages.effort.noted(shrank: shrank)
    }

    private func sendToClient(_ output: inout [UInt8]) {
        context.octetsOut += output.count
        Self.send(&output, to: client.stream)
    }

    private static func send(_ output: inout [UInt8], to stream: Stream) {
        if output.isEmpty { return }
        stream.send(output.span)
        output.removeAll(keepingCapacity: true)
    }
}
