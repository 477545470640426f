internal import Bytes
internal import Clients
internal import Endings
internal import Entry
internal import HTTP1

/// What a request that is held reads: the body of one that is for the gateway itself, and the first
/// message of a WebSocket.
extension HeldRequest {
    /// Lets the client send the body.
    ///
    /// - Returns: true when nothing of it is still to come.
    func wantBody() throws(Refusal) -> Bool {
        try client.request.wantBody(atMost: Self.bodySize)
        client.request.allowBody()
        return !client.request.lacksBody
    }

    func clientSent(_ octets: Span<UInt8>, at index: inout Int) {
        if entry.isAsked(.message), let socket = context.opened {
            readMessage(octets, at: &index, of: socket)
        } else if entry.isAsked(.body) {
            readBody(octets, at: &index)
        }
    }

    private func readBody(_ octets: Span<UInt8>, at index: inout Int) {
        do throws(RequestError) {
            while let event = try client.request.receive(octets, at: &index) {
                switch event {
                case .data(let range): body.append(copying: octets.extracting(range))
                case .end: return told(.body(takeBody()))
                case .head, .octets: break
                }
            }
        } catch {
            refuse(error.refusal)
        }
    }

    /// The body is whole: nothing of the request is still to come.
    func takeBody() -> [UInt8] {
        defer { body = [] }
        return body
    }
}
