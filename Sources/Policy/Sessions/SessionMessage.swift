/// What a worker is told about one of its connections.
package enum SessionMessage: Sendable {
    /// About the session that this connection asked for: the answer to its arrival that was not
    /// given at once, or what came of waiting.
    case answer(SeatAnswer, SessionID, ConnectionAddress)
    case end(Ending)
    /// Is the client there? To be answered by `answered` at once if it was heard within the last
    /// second, else as soon as anything comes of it: a pong, or for an event stream the
    /// acknowledgement of a comment. `silent` is told when it is certain that nothing comes.
    case probe(SessionID, ConnectionAddress)

    package var connection: ConnectionAddress {
        switch self {
        case .answer(_, _, let connection), .probe(_, let connection): connection
        case .end(let ending): ending.connection
        }
    }

    /// What the store has to be told when nobody waits for this message: a seat that is given to
    /// somebody who has left, or who was told that there is none, is given back.
    ///
    /// - Parameter held: of the connection that it came to, if it has one.
    package func stray(beside held: SessionLease?) -> SessionFact? {
        guard case .answer(.admitted(let record, _), _, _) = self, held?.holds(record.id) != true
        else { return nil }
        return .depart(record.id, record.arrival.store, .normal)
    }
}

/// The answer to an arrival.
package enum SeatAnswer: Sendable {
    case admitted(SessionRecord, despite: OverruledRule?)
    /// Nothing is decided: others are asked first whether they live. `SessionMessage.answer`
    /// follows.
    case waiting
    /// A session that was refused need not depart.
    case refused(Rejection)
    /// The store cannot say, and will not.
    case unavailable
}
