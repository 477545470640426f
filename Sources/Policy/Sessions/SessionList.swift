/// A live connection as lists have it.
package enum ListedSession: Sendable {
    /// The store of sessions counts him, or could.
    case seated(SessionRecord)
    /// No `sessions` block has to do with him.
    case seatless(LiveConnection)

    package var id: SessionID {
        switch self {
        case .seated(let record): record.id
        case .seatless(let live): live.id
        }
    }

    package var connection: ConnectionAddress {
        switch self {
        case .seated(let record): record.connection
        case .seatless(let live): live.connection
        }
    }
}

/// A session in a list, with what its worker fills in when it is asked for.
package struct SessionEntry: Sendable {
    package var session: ListedSession
    package var figures: SessionFigures?

    package init(_ session: ListedSession, figures: SessionFigures? = nil) {
        self.session = session
        self.figures = figures
    }
}

/// A page of all who are connected, by id.
package struct SessionList: Sendable {
    package var sessions: [ListedSession]
    /// What the next page is after; nil for the last one.
    package var next: SessionID?

    /// One page of two, both of `most` at most behind the same cursor: what did not fit into one of
    /// them is behind its last one, and so behind the last one here.
    package init(
        _ seated: (records: [SessionRecord], next: SessionID?),
        _ seatless: (connections: [LiveConnection], next: SessionID?), most: Int
    ) {
        let all =
            seated.records.map { ListedSession.seated($0) }
            + seatless.connections.map { ListedSession.seatless($0) }
        sessions = Array(all.sorted { $0.id.isBefore($1.id) }.prefix(max(1, most)))
        let isCut = seated.next != nil || seatless.next != nil || sessions.count < all.count
        next = isCut ? sessions.last?.id : nil
    }
}
