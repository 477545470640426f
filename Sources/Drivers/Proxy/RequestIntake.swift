internal import Clients
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Sessions
internal import Settings
internal import Transport

/// From a whole request head to its first effect: admission, then an exchange with an upstream, an
/// answer of our own, or a refusal.
enum RequestIntake {
    static func begin(_ head: RequestHead, _ framing: BodyFraming, from client: ClientLink) {
        let context = client.thread.context(of: head, from: client.request)
        // Behind a handshake stand frames, or nothing: whatever the answer, there is no request.
        if context.origin.isWebSocket { client.request.makeLast(leavingRest: true) }
        let request = HeldRequest(head, framing, context, from: client)
        do throws(Refusal) {
            if head.method == .connect {
                throw Refusal(.policy, status: 405, message: "CONNECT is not served here")
            }
            if client.request.lacksBody || context.origin.isWebSocket {
                try client.thread.checkMemory()
            }
        } catch {
            return request.refuse(error)
        }
        request.goOn()
    }

    /// A request that cannot be read, or whose body could have any end.
    static func refuse(_ error: RequestError, from client: ClientLink) {
        switch error {
        case .framing(let error, let head):
            let context = client.thread.context(of: head, from: client.request)
            HeldRequest(head, .none, context, from: client).refuse(error.refusal)
        case .head(let error): refuse(unread: error.refusal, from: client)
        // Nothing of a body is read in front of its request.
        case .body, .bodyTooLarge: break
        }
    }

    /// Between two requests, or within a head, the client has had its time.
    static func timedOut(from client: ClientLink) {
        let refusal = Refusal(.timeout, message: "The request did not come in time")
        refuse(unread: refusal, from: client)
    }

    /// A head that cannot be understood, or has not come in time.
    private static func refuse(unread refusal: Refusal, from client: ClientLink) {
        let context = client.thread.contextOfUnread(from: client.request)
        client.give(.problem(refusal, head: nil, context), to: context)
    }
}

extension EnteringRequest {
    convenience init(_ head: RequestHead, _ context: RequestContext, from client: ClientLink) {
        let entrance = client.request.doorway.entrance
        self.init(
            head, id: context.origin.id, address: context.origin.provenance.address.networkOctets,
            addressText: context.client, authority: context.authority, isSecure: context.isTLS,
            isWebSocket: context.origin.isWebSocket,
            connection: ConnectionAddress(
                worker: UInt64(client.thread.index), connection: client.token),
            redirectToHTTPS: entrance.settings.redirectToHTTPS,
            answerFields: AnswerFields(entrance.settings.transport, isSecure: context.isTLS))
    }
}

extension SocketAddress {
    /// In network order; none for a path.
    fileprivate var networkOctets: [UInt8] {
        switch self {
        case .ip4(let octets, _), .ip6(let octets, _): octets
        case .unix: []
        }
    }
}
