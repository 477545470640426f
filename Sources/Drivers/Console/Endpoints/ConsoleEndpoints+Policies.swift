import Clock
import Endings
import HTTP
import JSON
import Records
import Sessions

/// Limits of single stores, set while the gateway runs.
extension ConsoleEndpoints {
    static func policies(
        _ backend: any ConsoleBackend, clock: @escaping Clock
    ) -> [Endpoint] {
        [policy(backend), setPolicy(backend, clock), removePolicy(backend)]
    }

    private static let path: PathTemplate = "/stores/{block}/{store}/policy"
    private static let captures = [SessionText.block, SessionText.store]
    private static let role = ObjectSchema.Member(
        "role", .text(upTo: 64),
        "A role that is limited, for it and those it shares a count with; without it, all")

    private static func policy(_ backend: any ConsoleBackend) -> Endpoint {
        Endpoint(
            method: .get, path: path, name: "policy",
            summary: "The policy that was set for a store (what holds in the end is among what"
                + " the store says of itself)",
            captures: captures, query: ObjectSchema([role]),
            answers: [
                .json(200, "It", policySchema, hasEntityTag: true),
                .problem(404, "None was set"), .cannotKeep,
            ]
        ) { request, responder in
            let answer = responder.writing { (policy: StorePolicy?) in
                policy.map { .json(200, $0.document, entityTag: String($0.version)) }
                    ?? .problem(noPolicy)
            }
            backend.policy(StorePolicyKey(request), answer)
        }
    }

    private static let noPolicy = Refusal(
        .policy, status: 404, message: "No policy was set for this store")

    private static func setPolicy(
        _ backend: any ConsoleBackend, _ clock: @escaping Clock
    ) -> Endpoint {
        Endpoint(
            method: .put, path: path, name: "setPolicy",
            summary: "Say how many devices a store may have, whatever the configuration and"
                + " tokens say",
            captures: captures,
            query: ObjectSchema([
                role,
                .init(
                    "dry_run", .truth,
                    "Change nothing; say who would have to go with `apply=now`",
                    fallback: .bool(false)),
                .init(
                    "apply", .word(["new", "now"]),
                    "`new`: it holds for who comes from now on; `now`: whoever is too many goes,"
                        + " the longest connected first", fallback: "new"),
            ]),
            body: .named("PolicyOrder", .object(orderSchema)), precondition: .allowedOrNew,
            answers: [
                .json(
                    200, "It is in force, or (`dry_run`) would be", outcomeSchema,
                    hasEntityTag: true),
                .json(
                    201, "It is in force, and there was none before", outcomeSchema,
                    hasEntityTag: true),
                .problem(404, "There is no such `sessions` block"),
                .problem(422, "The role is not limited, or it would have expired already"),
                .noRoom, .cannotKeep,
            ]
        ) { request, responder in
            do throws(Refusal) {
                let order = try order(request)
                backend.setPolicy(
                    order, responder.writing { answer(order, $0, backend, clock()) })
            } catch {
                responder.respond(.problem(error))
            }
        }
    }

    private static func order(_ request: ConsoleRequest) throws(Refusal) -> PolicyOrder {
        let body = request.body?.object ?? JSONObject()
        let change = StorePolicyChange(
            key: StorePolicyKey(request),
            devices: body["devices"]?.number?.int64.map { Int($0) },
            policy: body["policy"]?.string,
            expires: body["expires"]?.string.flatMap { DateTimeText.parse($0) },
            changedBy: "console", note: body["note"]?.string)
        return PolicyOrder(
            change: change, condition: try request.policyCondition(),
            isDryRun: request.query["dry_run"]?.bool ?? false,
            endsExcess: request.query["apply"]?.string == "now")
    }

    private static func answer(
        _ order: PolicyOrder, _ outcome: PolicyOutcome, _ backend: any ConsoleBackend,
        _ clock: ClockReading
    ) -> ConsoleResponse {
        let shown = outcome.ended.prefix(shownSessions).map {
            SessionText.document(SessionEntry(.seated($0)), backend, clock)
        }
        let document: JSONValue = [
            "policy": outcome.policy?.document ?? order.change.document(changed: nil),
            "dry_run": .bool(order.isDryRun), "ended": .whole(outcome.ended.count),
            "sessions": .array(shown),
        ]
        guard let policy = outcome.policy else { return .json(200, document) }
        return .json(outcome.isNew ? 201 : 200, document, entityTag: String(policy.version))
    }

    private static func removePolicy(_ backend: any ConsoleBackend) -> Endpoint {
        Endpoint(
            method: .delete, path: path, name: "removePolicy",
            summary: "Take a policy back: the configuration holds for who comes from now on",
            captures: captures, query: ObjectSchema([role]), precondition: .allowed,
            answers: [
                .empty(204, "It is gone"), .problem(404, "None was set"), .noRoom, .cannotKeep,
            ]
        ) { request, responder in
            do throws(Refusal) {
                let condition = try request.policyCondition()
                backend.removePolicy(
                    StorePolicyKey(request), if: condition, responder.writing { .empty() })
            } catch {
                responder.respond(.problem(error))
            }
        }
    }

    // MARK: Schemas

    /// Sessions that are named in an answer; all are counted.
    private static let shownSessions = 1000

    private static let orderSchema = ObjectSchema([
        .init("devices", .integer(1...1_000_000), "Different devices at most", isRequired: true),
        .init("policy", policyWord, "What becomes of one more", isRequired: true),
        .init("expires", .dateTime, "From then on it holds no more; without it, it stays"),
        .init("note", .text(upTo: 500), "For people: why"),
    ])

    private static let policySchema = Schema.named(
        "Policy",
        .object(
            ObjectSchema([
                .init(
                    "block", SessionText.anyText, "The name of the `sessions` block",
                    isRequired: true),
                .init("store", SessionText.anyText, "The store", isRequired: true),
                .init(
                    "role", SessionText.anyText.orNull(), "Null for all limited roles",
                    isRequired: true),
                .init(
                    "devices", Schema.count.orNull(),
                    "Different devices at most; null for as many as configured",
                    isRequired: true),
                .init(
                    "policy", SessionText.anyText.orNull(),
                    "What becomes of one more; null for what is configured", isRequired: true),
                .init("expires", Schema.dateTime.orNull(), "Null for never", isRequired: true),
                .init("note", SessionText.anyText.orNull(), "For people", isRequired: true),
                .init(
                    "changed", Schema.dateTime.orNull(), "Null for a dry run", isRequired: true),
            ])))

    private static let outcomeSchema = Schema.object(
        ObjectSchema([
            .init("policy", policySchema, "As it is kept, or would be", isRequired: true),
            .init("dry_run", .truth, "Nothing was changed", isRequired: true),
            .init(
                "ended", .count, "Sessions that had to go, or would have to", isRequired: true),
            .init(
                "sessions", .list(of: SessionText.schema, count: 0...shownSessions),
                "The first of them", isRequired: true),
        ]))
}

extension ConsoleRequest {
    /// What `If-Match` or `If-None-Match` ask for.
    fileprivate func policyCondition() throws(Refusal) -> PolicyCondition {
        if mustBeNew {
            guard entityTags == nil else {
                throw Refusal(
                    .protocolError, status: 400,
                    message: "If-Match and If-None-Match exclude one another")
            }
            return .absent
        }
        switch entityTags {
        case nil: return .always
        case .any: return .present
        case .strong(let tags):
            guard tags.count < 2 else {
                throw Refusal(
                    .protocolError, status: 400, message: "If-Match takes one version here")
            }
            // No version is 0: what is no number of ours matches none.
            let version = tags.first.flatMap { Int64($0) } ?? 0
            return .version(tags.first == String(version) ? version : 0)
        }
    }
}

extension StorePolicyKey {
    fileprivate init(_ request: ConsoleRequest) {
        let key = StoreKey(captured: request)
        self.init(
            block: key.block, store: key.store, roleGroup: request.query["role"]?.string)
    }
}

extension StorePolicy {
    fileprivate var document: JSONValue { change.document(changed: changed) }
}

extension StorePolicyChange {
    fileprivate func document(changed: WallTime?) -> JSONValue {
        [
            "block": .string(key.block), "store": .string(key.store),
            "role": SessionText.text(key.roleGroup),
            "devices": devices.map { .whole($0) } ?? .null,
            "policy": SessionText.text(policy),
            "expires": expires.map(SessionText.date) ?? .null, "note": SessionText.text(note),
            "changed": changed.map(SessionText.date) ?? .null,
        ]
    }
}
