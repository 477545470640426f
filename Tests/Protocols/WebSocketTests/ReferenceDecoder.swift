@testable import WebSocket

/// RFC 6455 §5 once more, as plainly as it can be said, to compare the decoders with. It sees the
/// whole input at once and has no opinion on frames that are not all there.
struct ReferenceDecoder {
    var from: Endpoint
    var limits = FrameLimits()
    var allowsCompression = false
    var outcome = Outcome()
    private var open: Outcome.Message?
    private var openFrames = 0

    init(from: Endpoint, limits: FrameLimits, allowsCompression: Bool) {
        self.from = from
        self.limits = limits
        self.allowsCompression = allowsCompression
    }

    mutating func decode(_ wire: [UInt8]) {
        var rest = wire[...]
        while outcome.error == nil, outcome.controls.last?.kind != .close {
            guard let used = frame(Array(rest)) else { return }
            rest = rest.dropFirst(used)
        }
    }

    /// Takes one frame; nil when it is not all there or wrong.
    private mutating func frame(_ wire: [UInt8]) -> Int? {
        guard wire.count >= 2 else { return nil }
        let code = wire[0] % 16
        let isFinal = wire[0] >= 128
        let rsv1 = wire[0] / 64 % 2 == 1
        if wire[0] / 16 % 4 != 0 { return fail(.reservedBitSet) }
        if ![0, 1, 2, 8, 9, 10].contains(code) { return fail(.unknownOpcode) }
        if rsv1, !allowsCompression || ![1, 2].contains(code) {
            return fail(.unexpectedCompression)
        }
        if code >= 8, !isFinal { return fail(.fragmentedControl) }
        if code >= 8, wire[1] % 128 > 125 { return fail(.controlTooLong) }
        let isMasked = wire[1] >= 128
        if from == .client, !isMasked { return fail(.maskMissing) }
        if from == .server, isMasked { return fail(.maskForbidden) }

        let short = Int(wire[1] % 128)
        let lengthOctets = short == 127 ? 8 : short == 126 ? 2 : 0
        let headerCount = 2 + lengthOctets + (isMasked ? 4 : 0)
        guard wire.count >= headerCount else { return nil }
        var length = UInt64(short)
        if lengthOctets > 0 {
            length = wire[2..<(2 + lengthOctets)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        if lengthOctets == 2, length < 126 { return fail(.lengthNotMinimal) }
        if lengthOctets == 8, length < 65536 { return fail(.lengthNotMinimal) }
        if length >= 1 << 63 { return fail(.lengthNegative) }

        if code < 8 {
            if code == 0, open == nil { return fail(.continuationWithoutMessage) }
            if code != 0, open != nil { return fail(.messageWithinMessage) }
            if length > UInt64(limits.frameSize) { return fail(.frameTooBig) }
            if length + UInt64(open?.payload.count ?? 0) > UInt64(limits.messageSize) {
                return fail(.messageTooBig)
            }
            openFrames = code == 0 ? openFrames + 1 : 1
            if openFrames > limits.fragmentCount { return fail(.tooManyFragments) }
        }
        guard UInt64(wire.count - headerCount) >= length else { return nil }
        var payload = Array(wire[headerCount...].prefix(Int(length)))
        if isMasked {
            for index in payload.indices { payload[index] ^= wire[headerCount - 4 + index % 4] }
        }
        if code < 8 {
            data(code, payload, isFinal: isFinal, rsv1: rsv1)
        } else if let error = control(code, payload) {
            return fail(error)
        }
        return headerCount + Int(length)
    }

    private mutating func data(_ code: UInt8, _ payload: [UInt8], isFinal: Bool, rsv1: Bool) {
        if code != 0 {
            open = .init(kind: code == 1 ? .text : .binary, isCompressed: rsv1, payload: [])
        }
        open?.payload += payload
        if isFinal, let message = open {
            outcome.messages.append(message)
            open = nil
        }
    }

    private mutating func control(_ code: UInt8, _ payload: [UInt8]) -> WebSocketError? {
        if code == 8, payload.count == 1 { return .closeCodeCut }
        if code == 8, payload.count > 1 {
            let closeCode = Int(payload[0]) * 256 + Int(payload[1])
            let isLegal =
                [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
                .contains(closeCode) || (3000..<5000).contains(closeCode)
            if !isLegal { return .closeCodeIllegal }
            if String(validating: payload[2...], as: UTF8.self) == nil {
                return .closeReasonNotText
            }
        }
        outcome.controls.append(
            ControlFrame(code == 8 ? .close : code == 9 ? .ping : .pong, payload: payload))
        return nil
    }

    private mutating func fail(_ error: WebSocketError) -> Int? {
        outcome.error = error
        return nil
    }
}
