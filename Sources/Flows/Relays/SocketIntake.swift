/// From whom a WebSocket may be read, by what waits: asked behind every event, and small, so that
/// its driver keeps it beside the flow, which is large.
package struct SocketIntake {
    /// Reads both directions where whole messages are read.
    let messages: MessageDirections?
    /// What is answered here fills the client's own queue.
    let answersHere: Bool
    /// What may wait for the client.
    let queue: SendQueueSize

    /// Whole messages are read.
    package var readsMessages: Bool { messages != nil }

    /// Octets that are kept of messages that are not whole, or not read.
    package var heldCount: Int { messages?.heldCount ?? 0 }

    /// - Parameters:
    ///   - pending: octets that wait for the client.
    ///   - upstreamPending: octets that wait for the upstream; 0 when it is gone.
    package func wantsClientInput(behind pending: Int, upstreamPending: Int) -> Bool {
        if let messages, !messages.held.isEmpty || messages.awaitsSession { return false }
        if answersHere, !queue.hasRoom(behind: pending) { return false }
        return upstreamPending < Flow.highWater
    }

    package func wantsUpstreamInput(behind pending: Int) -> Bool {
        queue.hasRoom(behind: pending)
    }
}
