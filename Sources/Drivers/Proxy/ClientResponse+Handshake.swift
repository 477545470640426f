internal import Clients
internal import Entry
internal import HTTP
internal import HTTP1
internal import Loop
internal import WebSocket

extension ClientResponse {
    /// What makes a client's connection a WebSocket, as a value: the 101, by whomever it was
    /// decided.
    struct Handshake {
        /// The app's answer, as far as it goes on to the client; nil where the gateway answers.
        var head: ResponseHead?
        /// The value of `Sec-WebSocket-Accept` (RFC 6455 §4.2.2).
        let accept: [UInt8]
        /// What the client was offered and is spoken.
        let subprotocol: String?
        let context: RequestContext
        /// What compression is agreed upon with the gateway.
        var agreement: DeflateAgreement?
        /// What the app answered about compression goes on to the client.
        var relaysExtensions = false

        /// Writes the head by the rules of the connection.
        ///
        /// - Returns: false when the request has not asked for that.
        func append(to stream: ClientStream) -> Bool {
            guard stream.beginHead(status: 101) else { return false }
            appendFields(to: &context.thread.loop.scratch)
            return stream.endHead(length: nil)
        }

        private func appendFields(to output: inout [UInt8]) {
            if let head { appendPassedOn(head.fields, to: &output) }
            OpeningHandshake.appendFields(
                accept: accept.span, subprotocol: subprotocol, to: &output)
            if let agreement {
                HeadEncoder.appendField(
                    name: "Sec-WebSocket-Extensions", value: agreement.headerValue, to: &output)
            }
            context.found.answerFields.append(to: &output)
            if head != nil { appendSessionID(context, to: &output) }
        }

        private func appendPassedOn(_ fields: Fields, to output: inout [UInt8]) {
            let hopByHop = HopByHop(fields)
            for line in fields.lines where !hopByHop.isDropped(line, of: fields) {
                if isOurs(line, of: fields, context) { continue }
                switch line.known {
                case .secWebSocketAccept, .secWebSocketProtocol, .contentLength: continue
                case .secWebSocketExtensions where !relaysExtensions: continue
                default: HeadEncoder.appendField(copying: line, of: fields, to: &output)
                }
            }
        }
    }
}
