/// How the gateway ends a WebSocket or an event stream that lives: by which row of the table, and
/// what its client is told. One value for both kinds of stream; each says it in its own words.
package struct StreamEnding: Sendable, Equatable {
    /// What the client is told about coming back.
    package enum Return: Sendable, Equatable {
        /// Nothing: it does what it always does when a connection ends.
        case unsaid
        case after(milliseconds: Int)
        /// Not by itself.
        case never
    }

    package var reason: EndReason
    /// A finer word than the reason, for the log and for the reason of a close frame.
    package var detail: String?
    /// A JSON object for the client's program, told last where that program reads such objects.
    package var message: [UInt8]?
    package var comingBack: Return
    /// The end of a message or event that is on its way to the client is waited for, so that the
    /// last words stand behind it. False where that end will not come, or nobody will take it.
    package var awaitsBoundary: Bool

    package init(
        _ reason: EndReason, detail: String? = nil, message: [UInt8]? = nil,
        comingBack: Return = .unsaid, awaitsBoundary: Bool = true
    ) {
        self.reason = reason
        self.detail = detail
        self.message = message
        self.comingBack = comingBack
        self.awaitsBoundary = awaitsBoundary
    }

    /// The finest word there is.
    package var word: String { detail ?? reason.rawValue }
}
