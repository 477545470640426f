internal import Clients
internal import Endings
internal import Loop
internal import WebSocket

extension Answer {
    /// Writes and sends the answer.
    ///
    /// - Returns: false when it is of a WebSocket that was asked for in no proper way.
    func write(to stream: ClientStream, _ context: RequestContext) -> Bool {
        switch form {
        case .response(let status, let fields, let body):
            let response = ClientResponse(
                head: .own(status: status, fields: fields), context: context,
                length: status == 304 ? nil : body.count)
            if response.append(to: stream) {
                stream.send(body.span)
                stream.end()
                stream.flush()
            } else {
                stream.breakOff()
            }
            context.outcome.status = status
            context.traffic.octetsOut = body.count
        case .socket(let handshake, let messages):
            if context.opened == nil, handshake?.append(to: stream, context) != true {
                return false
            }
            let loop = context.thread.loop
            for message in messages {
                FrameEncoder.appendMessage(.text, message.span, to: &loop.scratch)
            }
            FrameEncoder.appendClose(
                code: reason.closeCode, reason: detail ?? reason.rawValue, to: &loop.scratch)
            stream.flush()
            context.outcome.status = 101
        }
        return true
    }
}

extension Answer.Handshake {
    fileprivate func append(to stream: ClientStream, _ context: RequestContext) -> Bool {
        ClientResponse.Handshake(accept: accept, subprotocol: subprotocol, context: context)
            .append(to: stream)
    }
}
