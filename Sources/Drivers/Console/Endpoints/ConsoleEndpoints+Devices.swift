import Clock
import Endings
import HTTP
import JSON
import Records
import Sessions

/// What people call their devices, and where those were.
extension ConsoleEndpoints {
    static func devices(
        _ backend: any ConsoleBackend, clock: @escaping Clock
    ) -> [ConsoleEndpoint] {
        [list(backend), name(backend, clock), unname(backend), history(backend)]
    }

    private static let path: PathTemplate = "/stores/{block}/{store}/devices/{device}/alias"
    private static let captures = [SessionText.block, SessionText.store, SessionText.device]

    private static func list(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/devices", name: "devices",
            summary: "All devices that have a name, connected or not",
            query: ObjectSchema([
                SessionText.block, SessionText.store, Page.limit(StoreQuestion.longestPage),
                Page.after,
            ]),
            answers: [
                .json(
                    200, "One page of devices, sorted by block, store and ClientId",
                    Page.schema(
                        "devices", aliasSchema, StoreQuestion.longestPage,
                        "The devices on this page"))
            ]
        ) { request, responder in
            do throws(Refusal) {
                let cursor = try Page.cursor(request) { Page.names(in: $0, count: 3) }
                let (block, store) = (
                    request.query["block"]?.string, request.query["store"]?.string
                )
                let wanted = backend.aliases().filter { alias in
                    (block == nil || block == alias.key.block)
                        && (store == nil || store == alias.key.store)
                        && (cursor.map { $0.isBefore(alias.key.names) } ?? true)
                }
                let sorted = wanted.sorted { $0.key.names.isBefore($1.key.names) }
                let page = sorted.prefix(Page.limit(of: request))
                let next = page.count < sorted.count ? page.last : nil
                responder.respond(
                    .json(
                        200,
                        Page.document(
                            "devices", page.map(\.document),
                            next.map { Page.cursor(of: $0.key.names) })))
            } catch {
                responder.respond(.problem(error))
            }
        }
    }

    private static func name(
        _ backend: any ConsoleBackend, _ clock: @escaping Clock
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .put, path: path, name: "nameDevice",
            summary: "Give a device a name for people, such as \"office PC\"",
            captures: captures,
            body: .named(
                "DeviceName",
                .object(
                    ObjectSchema([
                        .init("name", .text(upTo: 64), "The name for people", isRequired: true)
                    ]))),
            answers: [
                .json(200, "The name is set", aliasSchema),
                .problem(422, "The name is not allowed"), .noRoom, .cannotKeep,
            ]
        ) { request, responder in
            let alias = DeviceAlias(
                key: DeviceAlias.Key(captured: request),
                name: request.body?.object?["name"]?.string ?? "",
                changed: clock().wallTime, changedBy: "console")
            backend.setAlias(alias, responder.writing { .json(200, $0.document) })
        }
    }

    private static func unname(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: path, name: "unnameDevice",
            summary: "Remove the name of a device", captures: captures,
            answers: [
                .empty(204, "The name is removed"), .problem(404, "The device had no name"),
                .noRoom, .cannotKeep,
            ]
        ) { request, responder in
            let key = DeviceAlias.Key(captured: request)
            backend.removeAlias(key, responder.writing { .empty() })
        }
    }

    private static let aliasSchema = Schema.named(
        "NamedDevice",
        .object(
            ObjectSchema([
                .init(
                    "block", SessionText.anyText, "The name of the `sessions` block",
                    isRequired: true),
                .init(
                    "store", SessionText.anyText.orNull(), "The store of the device",
                    isRequired: true),
                .init(
                    "client_id", SessionText.anyText, "The ClientId of the device", isRequired: true
                ),
                .init("name", SessionText.anyText, "The name for people", isRequired: true),
                .init("changed", .dateTime, "When the name was last set", isRequired: true),
            ])))

    // MARK: History

    private static func history(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/history", name: "history",
            summary:
                "Past sessions, the latest first: when they began, how long they lasted and how"
                + " they ended",
            query: ObjectSchema([
                SessionText.block, SessionText.store, SessionText.device,
                Page.limit(HistoryQuery.longestPage), Page.after,
            ]),
            answers: [
                .json(
                    200, "The past sessions that match all filters",
                    Page.schema(
                        "history", SessionText.pastSchema, HistoryQuery.longestPage,
                        "The past sessions on this page")),
                .cannotKeep,
            ]
        ) { request, responder in
            do throws(Refusal) {
                let cursor = try Page.cursor(request) { HistoryCursor($0) }
                let query = HistoryQuery(
                    .some(
                        blocks: request.query["block"]?.string.map { [$0] },
                        store: request.query["store"]?.string,
                        device: request.query["device"]?.string),
                    after: cursor, limit: Page.limit(of: request))
                backend.history(query) { result in
                    responder.respond(result) { page in
                        .json(
                            200,
                            Page.document(
                                "history",
                                page.entries.map { SessionText.document($0, backend) },
                                page.next?.description))
                    }
                }
            } catch {
                responder.respond(.problem(error))
            }
        }
    }
}

extension DeviceAlias.Key {
    fileprivate init(captured request: ConsoleRequest) {
        let key = StoreKey(captured: request)
        self.init(
            block: key.block, store: key.store,
            clientID: request.captures["device"]?.string ?? "")
    }

    /// In the order of lists.
    fileprivate var names: [String] { [block, store ?? "", clientID] }
}

extension [String] {
    fileprivate func isBefore(_ other: [String]) -> Bool {
        lexicographicallyPrecedes(other)
    }
}

extension DeviceAlias {
    fileprivate var document: JSONValue {
        [
            "block": .string(key.block), "store": SessionText.text(key.store),
            "client_id": .string(key.clientID), "name": .string(name),
            "changed": SessionText.date(changed),
        ]
    }
}
