import Clock
import Endings
import HTTP
import JSON
import Sessions
import Settings

/// Stores, how full they are, and numbers of everything.
extension ConsoleEndpoints {
    static func stores(
        _ backend: any ConsoleBackend, clock: @escaping Clock
    ) -> [ConsoleEndpoint] {
        [listStores(backend, clock), store(backend, clock)]
    }

    private static func listStores(
        _ backend: any ConsoleBackend, _ clock: @escaping Clock
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/stores", name: "stores",
            summary:
                "List the stores that have a session, a client that waits for a seat, or a policy"
                + " of their own",
            query: ObjectSchema([
                SessionText.block, Page.limit(StoreQuestion.longestPage), Page.after,
            ]),
            answers: [
                .json(
                    200, "One page of stores, sorted by block and name",
                    Page.schema(
                        "stores", storeSchema, StoreQuestion.longestPage,
                        "The stores on this page"))
            ]
        ) { request, responder in
            do throws(Refusal) {
                let cursor = try Page.cursor(request) { text in
                    Page.names(in: text, count: 2).map { StoreKey(block: $0[0], store: $0[1]) }
                }
                let (block, most) = (request.query["block"]?.string, Page.limit(of: request))
                let answer = responder.writing { (page: StorePage) in
                    let now = clock()
                    let next = page.next.map { Page.cursor(of: [$0.block, $0.store]) }
                    let stores = page.stores.map { $0.document(now) }
                    return .json(200, Page.document("stores", stores, next))
                }
                backend.stores(block: block, after: cursor, most: most, answer)
            } catch {
                responder.respond(.problem(error))
            }
        }
    }

    private static func store(
        _ backend: any ConsoleBackend, _ clock: @escaping Clock
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/stores/{block}/{store}", name: "store",
            summary: "Show how full a store is, and the limits in force",
            captures: [SessionText.block, SessionText.store],
            answers: [
                .json(200, "The store", storeSchema),
                .problem(404, "There is no such `sessions` block"),
            ]
        ) { request, responder in
            let answer = responder.writing { (view: StoreView?) in
                view.map { .json(200, $0.document(clock())) } ?? .problem(noBlock)
            }
            backend.store(StoreKey(captured: request), answer)
        }
    }

    static let noBlock = Refusal(
        .policy, status: 404, message: "There is no 'sessions' block of this name")

    private static let storeSchema = Schema.named(
        "Store",
        .object(
            ObjectSchema([
                .init(
                    "block", SessionText.anyText, "The name of the `sessions` block",
                    isRequired: true),
                .init("store", SessionText.anyText, "The name of the store", isRequired: true),
                .init("sessions", .count, "How many live sessions there are", isRequired: true),
                .init(
                    "devices", .count,
                    "How many devices hold a seat, those among them whose connection just broke",
                    isRequired: true),
                .init(
                    "lost", .count,
                    "How many devices hold a seat although their connection broke (`grace`)",
                    isRequired: true),
                .init(
                    "waiting", .count,
                    "How many clients wait for a seat while the gateway checks whether its holder"
                        + " is still there",
                    isRequired: true),
                .init(
                    "limits", .list(of: limitSchema, count: 0...10_000),
                    "The limits in force; a claim of a token may say another number",
                    isRequired: true),
            ])))

    private static let limitSchema = Schema.named(
        "Limit",
        .object(
            ObjectSchema([
                .init(
                    "roles", .list(of: SessionText.anyText, count: 0...10_000),
                    "The roles that share this limit; an empty list for all roles that no other"
                        + " limit names",
                    isRequired: true),
                .init(
                    "devices", .count, "The most devices that may be connected at once",
                    isRequired: true),
                .init(
                    "policy", policyWord, "What happens when one more device arrives",
                    isRequired: true),
                .init(
                    "origin", .word(["configuration", "console"]), "Where the limit comes from",
                    isRequired: true),
                .init(
                    "expires", Schema.dateTime.orNull(), "When the limit ends; null for never",
                    isRequired: true),
            ])))

    static let policyWord = Schema.word(SessionSettings.Policy.allCases.map(\.rawValue))

    // MARK: Counts

    static func counts(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: "/counts", name: "counts",
            summary: "Count who is connected now, and how attempts to get a seat ended",
            answers: [
                .json(200, "The counts of now, and since the gateway started", CountsText.schema)
            ]
        ) { _, responder in
            backend.counts(responder.writing { .json(200, $0.document) })
        }
    }
}

extension StoreView {
    fileprivate func document(_ clock: ClockReading) -> JSONValue {
        [
            "block": .string(summary.key.block), "store": .string(summary.key.store),
            "sessions": .whole(summary.sessions), "devices": .whole(summary.devices),
            "lost": .whole(summary.graces), "waiting": .whole(summary.waiting),
            "limits": .array(limits(clock)),
        ]
    }

    private func limits(_ clock: ClockReading) -> [JSONValue] {
        guard let rules else { return [] }
        let set = summary.limits.filter { $0.expires.map { clock.now < $0 } ?? true }
        let inForce = rules.limits(in: summary.key.store, set)
        return zip(rules.limits, inForce).map { configured, now in
            // The clocks were not read in the same nanosecond as when it was set.
            let expires = now.set?.expires.map {
                SessionText.date(clock.wallTime(of: $0 + .microseconds(500)))
            }
            return [
                "roles": .array(configured.roles.map { .string($0) }),
                "devices": .whole(now.limit.devices),
                "policy": .string(now.limit.policy.rawValue),
                "origin": now.set == nil ? "configuration" : "console",
                "expires": expires ?? .null,
            ]
        }
    }
}
