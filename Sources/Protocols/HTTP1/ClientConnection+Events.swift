extension ClientConnection {
    package struct Limits: Sendable, Hashable {
        /// Of each head.
        package var head: HeadLimits
        /// Octets of a response's body; nil for as many as come.
        package var bodySize: Int?
        /// Informational responses in front of one final one. Some servers send a `102` every few
        /// seconds while they work.
        package var informationalCount: Int

        package init(
            head: HeadLimits = .response, bodySize: Int? = nil, informationalCount: Int = 1_000
        ) {
            self.head = head
            self.bodySize = bodySize
            self.informationalCount = informationalCount
        }
    }

    /// How much of an answer to the request at hand came.
    package enum Answer: Sendable, Hashable, CaseIterable {
        case nothing
        /// Some octets of a first head.
        case begun
        /// Informational heads, and perhaps some octets of another one.
        case informational
        /// The head, and perhaps some of the body.
        case head
        case whole
        case tunnel
    }

    /// What it means that nothing more comes from the server.
    package enum InputEnd: Sendable, Hashable, CaseIterable {
        /// Nothing was waited for.
        case idle
        /// Not an octet of an answer came. On a connection that had rested it was closed meanwhile,
        /// perhaps: `retryObstacle` says whether the request may be sent again.
        case unanswered
        /// An answer had begun, and its head is not whole.
        case early
        /// The body was framed by it: the response is whole.
        case complete
        /// The body is not whole.
        case truncated
        /// It is the tunnel's to say.
        case tunnel
    }
}
