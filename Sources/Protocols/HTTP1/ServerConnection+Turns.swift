extension ServerConnection {
    /// For whom time runs.
    package enum Waiting: Sendable, Equatable {
        /// For a request, of which not an octet has come.
        case request
        /// For the rest of a head.
        case head
        /// For the rest of a body, wanted or not.
        case body
        /// For the owner: to say what becomes of the body, to answer, or to go on with the answer.
        case answer
        /// The connection is over, or speaks another protocol.
        case nothing
    }

    /// How a connection ends when everything that was written to it is sent.
    package enum Ending: Sendable, Equatable {
        /// Nothing more is to come: the server closes its side, and the client its own.
        case finished
        /// The client may be sending what nobody reads. The server closes its side and throws away
        /// what comes for a while: closed at once, the connection could be reset before the client
        /// has read the last answer (RFC 9112 §9.6).
        case leavingRest
        /// An answer is not whole. It is closed at once; with a reset where the client would
        /// otherwise take what it has for all (RFC 9112 §8).
        case cut(needsReset: Bool)
    }
}
