/// What a client has not taken yet of what it was sent.
package struct ClientBacklog: Sendable, Hashable {
    /// Octets that wait here, because our system takes no more.
    package var pending: Int
    /// Octets that our system has taken and not sent, because the client's has no room for them;
    /// -1 when that cannot be told.
    package var unsent: Int
    package var acknowledgements: Acknowledgements
    /// Octets that the client has taken, as far as can be told.
    package var taken: Int64

    package init(
        pending: Int = 0, unsent: Int = 0,
        acknowledgements: Acknowledgements = Acknowledgements(count: 0, outstanding: 0),
        taken: Int64 = 0
    ) {
        self.pending = pending
        self.unsent = unsent
        self.acknowledgements = acknowledgements
        self.taken = taken
    }
}
