import Clock
import Endings
import HTTP
import JSON
import Sessions

/// Live sessions, with a seat in a store or without: listing and ending them.
extension ConsoleEndpoints {
    static func sessions(
        _ backend: any ConsoleBackend, clock: @escaping Clock
    ) -> [ConsoleEndpoint] {
        [
            list(backend, clock), session(backend, clock), endSession(backend),
            endStore(backend), endDevice(backend),
        ]
    }

    private static let id = ObjectSchema.Member(
        "id", .text(upTo: 64), "The `id` of a session")
    private static let user = ObjectSchema.Member(
        "user", .text(upTo: 1024), "The user that the token names")

    private static func list(
        _ backend: any ConsoleBackend, _ clock: @escaping Clock
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/sessions", name: "sessions",
            summary: "List all live WebSockets, event streams and streamed downloads, in pages. A"
                + " session that lives all the while is on exactly one page. `block`, `store` and"
                + " `device` select sessions with a seat only",
            query: ObjectSchema([
                SessionText.block, SessionText.store, SessionText.device,
                .init("role", .text(upTo: 256), "A role of the user"),
                user,
                .init("transport", SessionText.transport, "The kind of connection"),
                .init(
                    "route", .text(upTo: 4096),
                    "The path of the route, as the configuration writes it"),
                .init(
                    "seated", .truth,
                    "True for sessions with a seat in a store, false for the others"),
                Page.limit(StoreQuestion.longestPage), Page.after,
            ]),
            answers: [
                .json(200, "The sessions that match all filters", listSchema)
            ]
        ) { request, responder in
            do throws(Refusal) {
                let cursor = try Page.cursor(request) { SessionID($0) }
                let most = Page.limit(of: request)
                let answer = responder.writing { (page: SessionPage) in
                    let now = clock()
                    let sessions = page.entries.map { SessionText.document($0, backend, now) }
                    return .json(
                        200, Page.document("sessions", sessions, page.next?.description))
                }
                backend.sessions(filter(request.query), after: cursor, most: most, answer)
            } catch {
                responder.respond(.problem(error))
            }
        }
    }

    private static let listSchema = Page.schema(
        "sessions", SessionText.schema, StoreQuestion.longestPage, "The sessions on this page")

    private static func filter(_ query: JSONObject) -> SessionFilter {
        SessionFilter(
            block: query["block"]?.string, store: query["store"]?.string,
            role: query["role"]?.string, user: query["user"]?.string,
            device: query["device"]?.string,
            transport: query["transport"]?.string.flatMap { LiveTransport(rawValue: $0) },
            route: query["route"]?.string, isSeated: query["seated"]?.bool)
    }

    private static func session(
        _ backend: any ConsoleBackend, _ clock: @escaping Clock
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/sessions/{id}", name: "session", summary: "Show one live session",
            captures: [id],
            answers: [
                .json(200, "The session", SessionText.schema),
                .problem(404, "No session has this id"),
            ]
        ) { request, responder in
            guard let id = SessionID(request.captures["id"]?.string ?? "") else {
                return responder.respond(.problem(noSession))
            }
            let answer = responder.writing { (page: SessionPage) in
                page.entries.first.map {
                    .json(200, SessionText.document($0, backend, clock()))
                } ?? .problem(noSession)
            }
            backend.sessions(SessionFilter(id: id), after: nil, most: 1, answer)
        }
    }

    private static let noSession = Refusal(
        .policy, status: 404, message: "There is no session with this id")

    // MARK: Ends

    private static func endSession(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: "/sessions/{id}", name: "endSession",
            summary: "End one session, with a seat or without; the seat of its device is free at"
                + " once",
            captures: [id], query: KickText.query,
            answers: [KickText.answer, .problem(404, "No session has this id")]
        ) { request, responder in
            guard let id = SessionID(request.captures["id"]?.string ?? "") else {
                return responder.respond(.problem(noSession))
            }
            let answer = responder.writing { (count: Int) in
                count > 0 ? KickText.response(count) : .problem(noSession)
            }
            backend.end(SessionFilter(id: id), KickText.kick(request.query), answer)
        }
    }

    private static func endStore(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: "/stores/{block}/{store}/sessions", name: "endStore",
            summary: "End all sessions of a store",
            captures: [SessionText.block, SessionText.store], query: KickText.query,
            answers: [KickText.answer, .problem(404, "There is no such `sessions` block")]
        ) { request, responder in
            let key = StoreKey(captured: request)
            let filter = SessionFilter(block: key.block, store: key.store)
            end(filter, in: key, request, backend, responder)
        }
    }

    private static func endDevice(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: "/stores/{block}/{store}/devices/{device}/sessions",
            name: "endDevice",
            summary: "End the sessions of one device in a store: every user's, or one user's",
            captures: [SessionText.block, SessionText.store, SessionText.device],
            query: ObjectSchema([user] + KickText.members),
            answers: [KickText.answer, .problem(404, "There is no such `sessions` block")]
        ) { request, responder in
            let key = StoreKey(captured: request)
            let filter = SessionFilter(
                block: key.block, store: key.store, user: request.query["user"]?.string,
                device: request.captures["device"]?.string ?? "")
            end(filter, in: key, request, backend, responder)
        }
    }

    /// In an empty store nobody had to go; of a block that is not there it would not be true.
    private static func end(
        _ filter: SessionFilter, in store: StoreKey, _ request: ConsoleRequest,
        _ backend: any ConsoleBackend, _ responder: Responder
    ) {
        backend.store(store) { result in
            guard case .success(.some) = result else {
                return responder.respond(result) { _ in .problem(noBlock) }
            }
            let answer = responder.writing(KickText.response)
            backend.end(filter, KickText.kick(request.query), answer)
        }
    }
}

extension StoreKey {
    /// The store that the captures of a path name.
    init(captured request: ConsoleRequest) {
        self.init(
            block: request.captures["block"]?.string ?? "",
            store: request.captures["store"]?.string ?? "")
    }
}

/// How sessions are told to end.
private enum KickText {
    static let query = ObjectSchema(members)

    static let members: [ObjectSchema.Member] = [
        .init(
            "message", .text(upTo: 500),
            "The text that the user is shown; without it, the usual text"),
        .init(
            "reconnect", .either([.word(["yes", "no"]), .integer(0...86_400)]),
            "Whether the front end may reconnect by itself: yes, no, or after this many seconds",
            fallback: "no"),
    ]

    static let answer = AnswerNote.json(
        200, "The sessions were told to end and hold no seat any longer",
        .object(
            ObjectSchema([
                .init("ended", .count, "How many sessions were told to end", isRequired: true)
            ])))

    static func response(_ count: Int) -> ConsoleResponse {
        .json(200, ["ended": .whole(count)])
    }

    static func kick(_ query: JSONObject) -> Kick {
        let reconnect: Reconnect =
            if let seconds = query["reconnect"]?.number?.int64 {
                .after(.seconds(seconds))
            } else {
                query["reconnect"]?.string == "yes" ? .yes : .no
            }
        return Kick(message: query["message"]?.string, reconnect: reconnect)
    }
}
