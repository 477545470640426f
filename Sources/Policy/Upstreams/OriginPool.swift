package import Clock
package import HTTP1
import Settings

/// The upstream connections of one worker that rest between two requests, by the numbers under
/// which the worker knows them: those that may be used for anybody, by server, and those on which
/// one client has authenticated itself, by client. It knows no socket: whoever is handed a number
/// does with that connection what the offer says.
///
///     used --put, nothing in the way--> resting --take--> offered, and not in here any more
///     resting --its time, octets, its end: remove--> gone
///     resting --its client has gone: release, or a reload took its server: serve--> handed out
///
/// Whether its answer left a connection in order says `UpstreamUse.rest`; how it rests, `Resting`.
package struct OriginPool {
    /// What is done with a connection that was in here.
    package enum Offer: Sendable, Hashable {
        /// The connection is used.
        case use(UInt64)
        /// The connection is used if nothing came on it unnoticed, and else closed.
        case look(UInt64)
        /// The connection is closed.
        case close(UInt64)
    }

    /// A connection whose response is whole.
    package struct Candidate {
        package let connection: UInt64
        package let server: ServerState
        /// The client that authenticated itself on it, whose alone it is.
        package let owner: UInt64?
        /// What its last use says.
        package var rest: UpstreamUse.Rest
        /// The client that it worked for may ask for more.
        package var clientStays: Bool
        /// Requests come behind this one; none does when the process stops.
        package var isWanted: Bool
        /// Nothing waits to be sent on it.
        package var isSent: Bool
        /// When the connection was made.
        package var made: Instant

        package init(
            _ connection: UInt64, to server: ServerState, owner: UInt64? = nil,
            rest: UpstreamUse.Rest, clientStays: Bool = true, isWanted: Bool = true,
            isSent: Bool = true, made: Instant
        ) {
            self.connection = connection
            self.server = server
            self.owner = owner
            self.rest = rest
            self.clientStays = clientStays
            self.isWanted = isWanted
            self.isSent = isSent
            self.made = made
        }
    }

    package enum Outcome: Sendable, Hashable {
        /// The connection rests until then at the longest.
        case rests(until: Instant)
        /// The connection is closed.
        case ends
        /// The connection is closed, and its server distrusted for a while: it sent more than it
        /// was asked for.
        case endsInDistrust
    }

    private struct Place {
        let connection: UInt64
        let resting: Resting
    }

    private struct OwnPlace {
        let place: Place
        let server: ServerState
    }

    /// Connections to one server that any client may use, the newest last. An object, so that it is
    /// looked up once and changed in its place.
    private final class Shelf {
        var places: [Place] = []
    }

    /// One for each server of the generation that is served.
    private var shelves: [ObjectIdentifier: Shelf] = [:]
    /// By the client; one a server at most.
    private var reserved: [UInt64: [OwnPlace]] = [:]

    package init(_ groups: [BackendGroup]) {
        for server in Self.servers(of: groups) { shelves[server] = Shelf() }
    }

    // MARK: In

    /// The connection has done its work.
    ///
    /// - Parameter turn: the turn of the loop, in which it was read until nothing came; nil where
    ///   more may have come than was read.
    package mutating func put(
        _ candidate: Candidate, of group: BackendGroup, at now: Instant, turn: UInt64?
    ) -> Outcome {
        let isWatched: Bool
        switch candidate.rest {
        case .refused(.surplus): return .endsInDistrust
        case .refused: return .ends
        case .open: isWatched = false
        case .watched: isWatched = true
        }
        let settings = group.settings
        // What a PROXY header says holds for a whole connection, which is one request's alone then.
        guard settings.proxyHeader == nil, candidate.isWanted, candidate.isSent,
            !candidate.server.isDistrusted(at: now), !candidate.server.order.isDraining,
            candidate.server.health.allows(at: now),
            let shelf = shelves[ObjectIdentifier(candidate.server)]
        else { return .ends }
        // No other client hears what is left over for an owner, who would have to authenticate
        // himself again on another connection: it need not be quiet first.
        let server = candidate.server
        let age = settings.keepAlive.age.map { candidate.made + $0 } ?? .never
        guard now < age else { return .ends }
        let resting = Resting(
            since: now, turn: turn, isWatched: isWatched && candidate.owner == nil,
            timeout: min(settings.keepAlive.timeout, age - now))
        let place = Place(connection: candidate.connection, resting: resting)
        if let owner = candidate.owner {
            let own = reserved[owner, default: []]
            // A client that goes has no use for a connection of its own.
            guard candidate.clientStays, settings.keepAlive.count > 0,
                !own.contains(where: { $0.server === server })
            else { return .ends }
            reserved[owner] = own + [OwnPlace(place: place, server: server)]
        } else {
            guard shelf.places.count < settings.keepAlive.count else { return .ends }
            shelf.places.append(place)
        }
        return .rests(until: resting.end)
    }

    // MARK: Out

    /// The connection to `server` that rested shortest among those that need not wait; nil when
    /// there is none. To be asked again after one that is not used.
    ///
    /// - Parameters:
    ///   - mayRepeat: the request can be sent once more, if the connection is dead.
    ///   - turn: the turn of the loop now.
    package func take(
        for server: ServerState, mayRepeat: Bool, at now: Instant, turn: UInt64
    ) -> Offer? {
        guard let shelf = shelves[ObjectIdentifier(server)] else { return nil }
        for index in shelf.places.indices.reversed() {
            let place = shelf.places[index]
            let step = place.resting.step(at: now, turn: turn, mayRepeat: mayRepeat)
            if let offer = Self.offer(place.connection, server, step, at: now) {
                shelf.places.remove(at: index)
                return offer
            }
        }
        return nil
    }

    /// Some client has authenticated itself on a connection, and has it for its alone.
    package var hasReserved: Bool { !reserved.isEmpty }

    /// The connection to a server of `group` that is the client's alone, whichever server's turn it
    /// is; nil when there is none. To be asked again after one that is not used.
    package mutating func take(
        reservedFor client: UInt64, in group: BackendGroup, at now: Instant, turn: UInt64
    ) -> Offer? {
        // Nearly always there is none at all.
        guard !reserved.isEmpty, var own = reserved[client] else { return nil }
        let index = own.firstIndex { own in
            !own.server.order.isDraining
                && group.members.servers.contains { $0.state === own.server }
        }
        guard let index else { return nil }
        let (place, server) = (own[index].place, own[index].server)
        // What the client said on it was said by somebody who is known now: it is never sent twice
        // without a look.
        let step = place.resting.step(at: now, turn: turn, mayRepeat: false)
        guard let offer = Self.offer(place.connection, server, step, at: now) else { return nil }
        own.remove(at: index)
        reserved[client] = own.isEmpty ? nil : own
        return offer
    }

    /// Nil for one that stays.
    private static func offer(
        _ connection: UInt64, _ server: ServerState, _ step: Resting.Step, at now: Instant
    ) -> Offer? {
        switch step {
        case .wait: return nil
        case .expire: return .close(connection)
        case .take, .look:
            // One to a server that does not work, as far as is known, is not what would work.
            if server.isDistrusted(at: now) || !server.health.allows(at: now) {
                return .close(connection)
            }
            return step == .take ? .use(connection) : .look(connection)
        }
    }

    /// The connection is closed for a reason of its own.
    package mutating func remove(_ connection: UInt64, to server: ServerState, owner: UInt64?) {
        guard let owner else {
            shelves[ObjectIdentifier(server)]?.places.removeAll { $0.connection == connection }
            return
        }
        reserved[owner]?.removeAll { $0.place.connection == connection }
        if reserved[owner]?.isEmpty == true { reserved[owner] = nil }
    }

    /// The client has gone.
    ///
    /// - Returns: the connections that were its alone; to be closed.
    package mutating func release(client: UInt64) -> [UInt64] {
        if reserved.isEmpty { return [] }
        return (reserved.removeValue(forKey: client) ?? []).map(\.place.connection)
    }

    /// An operator has ordered something of the server.
    ///
    /// - Returns: the connections to it, when it is drained; to be closed.
    package mutating func leave(_ server: ServerState) -> [UInt64] {
        guard server.order.isDraining, let shelf = shelves[ObjectIdentifier(server)] else {
            return []
        }
        defer { shelf.places = [] }
        return shelf.places.map(\.connection)
    }

    /// Another generation is served.
    ///
    /// - Returns: the connections to servers that are in none of `groups` any more; to be closed.
    package mutating func serve(_ groups: [BackendGroup]) -> [UInt64] {
        let served = Self.servers(of: groups)
        var left: [UInt64] = []
        for (server, shelf) in shelves where !served.contains(server) {
            left += shelf.places.map(\.connection)
            shelves[server] = nil
        }
        for (client, own) in reserved {
            let kept = own.filter { served.contains(ObjectIdentifier($0.server)) }
            if kept.count == own.count { continue }
            left += own.filter { !served.contains(ObjectIdentifier($0.server)) }
                .map(\.place.connection)
            reserved[client] = kept.isEmpty ? nil : kept
        }
        for server in served where shelves[server] == nil { shelves[server] = Shelf() }
        return left
    }

    private static func servers(of groups: [BackendGroup]) -> Set<ObjectIdentifier> {
        Set(groups.flatMap { $0.members.servers.map { ObjectIdentifier($0.state) } })
    }
}
