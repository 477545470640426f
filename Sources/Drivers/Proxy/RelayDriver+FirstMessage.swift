internal import Entry
internal import Identity
internal import Origins
internal import Transport
internal import WebSocket

extension RelayDriver {
    /// The app has accepted whom the first message let in: it hears that message, without tokens.
    func sendFirstMessage() {
        guard let upstream, let socket = context.opened, let message = socket.message else {
            return
        }
        socket.message = nil
        let stripping = route.stripping
        let isStripped =
            stripping.policy == .authenticated && context.found.identity?.forwardsToken != true
        let octets = message.withoutTokens(at: isStripped ? stripping.messagePaths : [])
        var output: [UInt8] = []
        FrameEncoder.appendMessage(
            socket.isText ? .text : .binary, octets.span, maskingKey: loop.newMaskingKey(),
            to: &output)
        upstream.connection.stream.send(output.span)
    }
}
