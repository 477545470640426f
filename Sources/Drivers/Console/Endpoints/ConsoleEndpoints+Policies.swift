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
    ) -> [ConsoleEndpoint] {
        [policy(backend), setPolicy(backend, clock), removePolicy(backend)]
    }

    private static let path: PathTemplate = "/stores/{block}/{store}/policy"
    private static let captures = [SessionText.block, SessionText.store]
    private static let role = ObjectSchema.Member(
        "role", .text(upTo: 64),
        "A limited role; the policy is for it and the roles it shares a limit with. Without it,"
            + " for all limited roles"
    )

    private static func policy(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .get, path: path, name: "policy",
            summary: "The policy that was set for a store (the limits in force are in"
                + " `/stores/{block}/{store}`)",
            captures: captures, query: ObjectSchema([role]),
            answers: [
                .json(200, "The policy", policySchema, hasEntityTag: true),
                .problem(404, "No policy was set for this store"), .cannotKeep,
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
    ) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .put, path: path, name: "setPolicy",
            summary: "Set how many devices a store may have; this wins over the configuration and"
                + " over tokens",
            captures: captures,
            query: ObjectSchema([
                role,
                .init(
                    "dry_run", .truth,
                    "Change nothing; list the sessions that `apply=now` would end",
                    fallback: .bool(false)),
                .init(
                    "apply", .word(["new", "now"]),
                    "`new`: the policy is for sessions that begin from now on; `now`: sessions of"
                        + " devices above the limit are ended, too, those of the longest-connected"
                        + " device first", fallback: "new"),
            ]),
            body: .named("PolicyOrder", .object(orderSchema)), precondition: .allowedOrNew,
            answers: [
                .json(
                    200, "The policy is in force, or would be (`dry_run`)", outcomeSchema,
                    hasEntityTag: true),
                .json(
                    201, "The policy is in force; there was none before", outcomeSchema,
                    hasEntityTag: true),
                .problem(404, "There is no such `sessions` block"),
                .problem(422, "The role is not limited, or `expires` is in the past"),
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

    private static func removePolicy(_ backend: any ConsoleBackend) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: .delete, path: path, name: "removePolicy",
            summary:
                "Remove a policy; the configuration is in force again for sessions that begin from"
                + " now on",
            captures: captures, query: ObjectSchema([role]), precondition: .allowed,
            answers: [
                .empty(204, "The policy is removed"),
                .problem(404, "No policy was set for this store"), .noRoom, .cannotKeep,
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
        .init(
            "devices", .integer(1...1_000_000), "The most devices that may be connected at once",
            isRequired: true),
        .init("policy", policyWord, "What happens when one more device arrives", isRequired: true),
        .init(
            "expires", .dateTime,
            "When the policy ends; without it, the policy stays until it is removed"),
        .init("note", .text(upTo: 500), "A note for people, such as the reason"),
    ])

    private static let policySchema = Schema.named(
        "Policy",
        .object(
            ObjectSchema([
                .init(
                    "block", SessionText.anyText, "The name of the `sessions` block",
                    isRequired: true),
                .init("store", SessionText.anyText, "The name of the store", isRequired: true),
                .init(
                    "role", SessionText.anyText.orNull(),
                    "The limited role that the policy is for; null for all limited roles",
                    isRequired: true),
                .init(
                    "devices", Schema.count.orNull(),
                    "The most devices that may be connected at once; null for the configured"
                        + " number",
                    isRequired: true),
                .init(
                    "policy", SessionText.anyText.orNull(),
                    "What happens when one more device arrives; null for the configured policy",
                    isRequired: true),
                .init(
                    "expires", Schema.dateTime.orNull(), "When the policy ends; null for never",
                    isRequired: true),
                .init(
                    "note", SessionText.anyText.orNull(), "The note for people", isRequired: true),
                .init(
                    "changed", Schema.dateTime.orNull(),
                    "When the policy was set; null for a dry run", isRequired: true),
            ])))

    private static let outcomeSchema = Schema.object(
        ObjectSchema([
            .init(
                "policy", policySchema,
                "The policy as it is stored, or would be", isRequired: true),
            .init("dry_run", .truth, "True when nothing was changed", isRequired: true),
            .init(
                "ended", .count, "How many sessions were ended, or would be", isRequired: true),
            .init(
                "sessions", .list(of: SessionText.schema, count: 0...shownSessions),
                "The first of these sessions", isRequired: true),
        ]))
}

extension ConsoleRequest {
    /// What `If-Match` or `If-None-Match` ask for.
    fileprivate func policyCondition() throws(Refusal) -> PolicyCondition {
        if mustBeNew {
            guard entityTags == nil else {
                throw Refusal(
                    .protocolError, status: 400,
                    message: "If-Match and If-None-Match cannot be used together")
            }
            return .absent
        }
        switch entityTags {
        case nil: return .always
        case .any: return .present
        case .strong(let tags):
            guard tags.count < 2 else {
                throw Refusal(
                    .protocolError, status: 400, message: "If-Match takes exactly one version here")
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
