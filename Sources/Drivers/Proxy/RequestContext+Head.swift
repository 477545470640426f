internal import Bytes
internal import Clients
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Loop
internal import Settings
internal import WebSocket

extension ThreadState {
    /// What a request's head says, as its client's connection has it.
    ///
    /// - Parameter first: of the same request, when it is judged once more by a newer generation.
    func context(
        of head: RequestHead, from client: ClientStream, inPlaceOf first: RequestContext? = nil
    ) -> RequestContext {
        let generation = client.generation
        let context = RequestContext(
            on: self, id: first?.origin.id ?? RequestContext.requestID(head.fields, loop),
            generation: generation, started: first?.origin.started ?? loop.now,
            method: head.method,
            provenance: Provenance(
                head.fields, authority: head.authority, connection: client.origin,
                settings: generation.settings),
            isWebSocket: head.upgradesToWebSocket, minorVersion: head.minorVersion)
        if let opened = first?.opened {
            context.opened = opened
            context.outcome.status = 101
        }
        return context
    }

    /// Of a request that cannot be read.
    func contextOfUnread(from client: ClientStream) -> RequestContext {
        let doorway = client.doorway
        let context = RequestContext(
            on: self, id: loop.newIdentifier(), generation: doorway.generation,
            started: loop.now, method: .get,
            provenance: Provenance(
                Fields([]), authority: nil, connection: client.origin,
                settings: doorway.generation.settings),
            isWebSocket: false, minorVersion: 1)
        context.found.answerFields = AnswerFields(
            doorway.entrance.settings.transport, isSecure: context.isTLS)
        return context
    }
}

extension RequestContext {
    /// The client's `X-Request-Id` when it is 1 to 128 letters, digits and `-._~:+/=@`, else a new
    /// one: it goes into logs and pages of all kinds.
    fileprivate static func requestID(_ fields: Fields, _ loop: Loop) -> String {
        if fields.count(of: .xRequestID) == 1, let range = fields.range(of: .xRequestID),
            (1...128).contains(range.count)
        {
            let value = fields.bytes.span.extracting(range)
            var isSane = true
            for index in value.indices where !isSaneIdentifier(value[index]) { isSane = false }
            if isSane { return value.text }
        }
        return loop.newIdentifier()
    }
}

private func isSaneIdentifier(_ octet: UInt8) -> Bool {
    if ASCII.isAlpha(octet) || ASCII.isDigit(octet) { return true }
    switch octet {
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
        UInt8(ascii: ":"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
        UInt8(ascii: "@"):
        return true
    default: return false
    }
}
