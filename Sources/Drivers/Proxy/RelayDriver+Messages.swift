internal import Clients
internal import Deflate
internal import Entry
internal import Loop
internal import Origins
internal import Relays
internal import Settings
internal import Transport
internal import WebSocket

/// Messages that are read whole: what the flow wants inflated or deflated is, by the codecs of the
/// worker, and sent in one frame.
extension RelayDriver {
    // MARK: From the client

    func readMessages(_ octets: Span<UInt8>, at index: inout Int) {
        var output = loop.takeScratch()
        let allowance = loop.allowance.rest
        while let step = flow.clientSent(
            octets, at: &index, into: &loop.message,
            allowance: TurnAllowance(
                light: loop.allowance.rest > allowance - Flow.lowWater,
                heavy: loop.allowance.allowsHeavyInput),
            upstreamPending: upstreamPending, now: loop.now)
        {
            switch step {
            case .message(let kind, _, let form):
                let message = loop.message
                appendForUpstream(kind, message.span, form, to: &output)
            case .inflate(let kind, _): inflateForUpstream(kind, to: &output)
            // Of the upstream's only.
            case .fragment: break
            case .order(let order):
                sendToUpstream(&output)
                carryOut(order)
            }
            if output.count >= Flow.lowWater { sendToUpstream(&output) }
        }
        sendToUpstream(&output)
        loop.giveBack(scratch: &output)
    }

    private func inflateForUpstream(_ kind: MessageKind, to output: inout [UInt8]) {
        let message = loop.message
        var inflated = loop.takeInflated()
        defer { loop.giveBack(inflated: &inflated) }
        do throws(InflateError) {
            try thread.codecs.inflate(
                message.span, with: windows?.inflater, limit: route.settings.inflatedSize,
                ratio: compression.ratio.map { InflateRatio(ratio: $0) }, into: &inflated)
        } catch {
            loop.allowance.rest -= inflated.count
            return flow.clientCannotBeInflated(isCorrupt: error == .corrupt, now: loop.now)
        }
        loop.allowance.rest -= inflated.count
        guard let form = flow.clientInflated(kind, inflated.span, now: loop.now) else { return }
        appendForUpstream(kind, inflated.span, form, to: &output)
    }

    private func appendForUpstream(
        _ kind: MessageKind, _ message: Span<UInt8>, _ form: MessageDirections.Form,
        to output: inout [UInt8]
    ) {
        let key = loop.newMaskingKey()
        switch form {
        case .plain, .asItCame:
            FrameEncoder.appendMessage(kind, message, maskingKey: key, to: &output)
        case .deflated(let windowBits):
            thread.codecs.appendMaskedFrame(
                kind, message, by: parameters(windowBits), key: key, to: &output)
        }
    }

    private func sendToUpstream(_ output: inout [UInt8]) {
        if output.isEmpty { return }
        upstream?.connection.stream.send(output.span)
        output.removeAll(keepingCapacity: true)
    }

    // MARK: From the upstream

    func deflateForClient(_ octets: Span<UInt8>) {
        var output = loop.takeScratch()
        var index = 0
        while let step = flow.upstreamSent(octets, at: &index, into: &loop.message, now: loop.now) {
            switch step {
            case .message(let kind, .input(let range), let form):
                let message = octets.extracting(range)
                appendForClient(kind, message, form, to: &output)
            case .message(let kind, .payload, let form):
                let message = loop.message
                appendForClient(kind, message.span, form, to: &output)
            case .inflate(let kind, .input(let range)):
                inflateForClient(kind, octets.extracting(range), to: &output)
            case .inflate(let kind, .payload):
                let message = loop.message
                inflateForClient(kind, message.span, to: &output)
            case .fragment(let kind, let isFirst, let isLast):
                let piece = loop.message
                FrameEncoder.appendFragment(
                    kind, piece.span, isFirst: isFirst, isLast: isLast, to: &output)
            case .order(let order):
                sendToClient(&output)
                carryOut(order)
            }
        }
        sendToClient(&output)
        loop.giveBack(scratch: &output)
    }

    private func inflateForClient(
        _ kind: MessageKind, _ message: Span<UInt8>, to output: inout [UInt8]
    ) {
        var inflated = loop.takeInflated()
        defer { loop.giveBack(inflated: &inflated) }
        do throws(InflateError) {
            try thread.codecs.inflate(
                message, with: nil, limit: flow.upstreamInflateLimit, ratio: nil, into: &inflated)
        } catch {
            return flow.upstreamCannotBeInflated(now: loop.now)
        }
        guard let form = flow.upstreamInflated(kind, inflated.span, now: loop.now) else { return }
        appendForClient(kind, inflated.span, form, to: &output)
    }

    private func appendForClient(
        _ kind: MessageKind, _ message: Span<UInt8>, _ form: MessageDirections.Form,
        to output: inout [UInt8]
    ) {
        switch form {
        case .plain: FrameEncoder.appendMessage(kind, message, to: &output)
        case .asItCame:
            FrameEncoder.appendMessage(kind, message, isCompressed: true, to: &output)
        case .deflated(let windowBits):
            let shrank =
                if let deflater = windows?.deflater {
                    thread.codecs.appendFrame(kind, message, keepingWindowOf: deflater, to: &output)
                } else {
                    thread.codecs.appendFrame(
                        kind, message, by: parameters(windowBits), to: &output)
                }
            flow.deflated(shrank: shrank)
        }
    }

    private func sendToClient(_ output: inout [UInt8]) {
        context.traffic.octetsOut += output.count
        request.sendFrames(of: &output)
    }

    // MARK: Codecs

    private var compression: RouteSettings.Compression {
        route.settings.compression ?? RouteSettings.Compression()
    }

    private func parameters(_ windowBits: Int) -> WorkerCodecs.Parameters {
        WorkerCodecs.Parameters(
            level: compression.level, windowBits: windowBits,
            memoryLevel: compression.memoryLevel)
    }
}
