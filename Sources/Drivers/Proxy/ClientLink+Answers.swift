internal import Bookkeeping
internal import Bytes
internal import Clients
internal import Endings
internal import Generations
internal import HTTP
internal import HTTP1
internal import Loop
internal import Relays
internal import WebSocket

/// Answers of the gateway's own: written, and written down.
extension ClientLink {
    /// Ends the request in the way its kind can understand. Gives back what it held.
    func refuse(_ refusal: Refusal, head: RequestHead, _ context: RequestContext) {
        context.outcome.detail = refusal.detail
        context.release()
        thread.shared.log.debug(
            "request \(context.origin.id): refused with \(refusal.status) \(refusal.word):"
                + " \(refusal.message)")
        give(.refusal(refusal, head: head, context: context), to: context)
    }

    /// The request is ended by rule before its response has begun. Gives back what it held.
    func end(_ end: StreamEnding, head: RequestHead, _ context: RequestContext) {
        context.release()
        context.outcome.detail = end.detail
        give(.ending(end, head: head, context: context), to: context)
    }

    /// Writes the answer, and the line of the log; then goes on, or ends.
    func give(_ answer: Answer, to context: RequestContext) {
        // Of a request that ends here nothing goes on to its upstream any more.
        loop.clearScratch()
        if let detail = answer.detail { context.outcome.detail = detail }
        if answer.isLast { request.makeLast() }
        guard answer.write(to: request, context) else { return close() }
        context.record(answer.reason)
        switch answer.form {
        case .response: answered()
        case .socket: close(ClosingSocket(opened: context.opened))
        }
    }

    /// Somebody speaks HTTP where TLS is spoken: the one thing said here without encryption.
    func refusePlainHTTP() {
        let body = "This port speaks HTTPS.\n"
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: 400, to: &output)
        output.append(contentsOf: loop.date)
        output.append("Content-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n")
        output.append("Connection: close\r\n\r\n")
        output.append(body)
        request.sendUnencrypted(output.span)
        finish()
    }
}

extension ClosingSocket {
    /// - Parameter opened: what has read the WebSocket's messages before, where it was opened.
    fileprivate convenience init(opened: OpenedSocket?) {
        self.init(reader: opened.map { .messages($0.reader) } ?? .frames(FrameRelay(from: .client)))
    }
}
