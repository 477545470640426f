internal import Bookkeeping
internal import Clock
internal import Console
internal import Endings
internal import Generations
internal import Records
internal import Sessions
internal import State
internal import Transport

/// One order of an operator that sets the policy of a store, step by step: is it about anybody, may
/// it replace what is there, is it kept, is it in force. Between two steps somebody else is asked:
/// the store of sessions, or the thread that keeps what is decided.
struct PolicySetting: Sendable {
    let order: PolicyOrder
    let shared: SharedState
    /// Called once, at any step.
    let answer: ConsoleAnswer<PolicyOutcome>

    /// Refuses a policy that could never be about anybody.
    func begin() {
        let change = order.change
        guard let rules = shared.kept.rules(of: change.key.block) else {
            return refuse(.policy, 404, "There is no 'sessions' block of this name")
        }
        guard let role = change.key.roleGroup else { return compare() }
        guard rules.group(of: role) != nil else {
            return refuse(.invalidPayload, 422, "This role is not limited")
        }
        Operations(shared).store(change.key.storeKey) { result in
            switch result {
            case .failure(let refusal): answer(.failure(refusal))
            case .success(let view):
                let others = (view?.summary.limits ?? []).count { $0.role != role }
                if others < StoreEngine.mostRuntimeLimits { return compare() }
                refuse(.overloaded, 507, "There are too many policies for this store")
            }
        }
    }

    private func refuse(_ reason: EndReason, _ status: Int, _ message: String) {
        answer(.failure(Refusal(reason, status: status, message: message)))
    }

    /// Asked on the thread of what is kept: whether there is one, and for a dry run whether the
    /// condition holds.
    private func compare() {
        Operations(shared).withStore(answer) { store in
            store.policy(order.change.key, now: SystemClock.wallTime()) { result in
                switch result {
                case .failure(let error): answer(.failure(Refusal(error)))
                case .success(let current) where order.isDryRun: tryOut(inPlaceOf: current)
                case .success(let current): set(in: store, inPlaceOf: current)
                }
            }
        }
    }

    private func set(in store: StateStore, inPlaceOf current: StorePolicy?) {
        let now = SystemClock.wallTime()
        store.setPolicy(order.change, if: order.condition, now: now) { result in
            switch result {
            case .failure(let error): answer(.failure(Refusal(error)))
            case .success(let policy):
                shared.kept.putInForce(policy, endsExcess: order.endsExcess) { result in
                    result.orProblem(answer) { done(policy, current, ended: $0) }
                }
            }
        }
    }

    private func tryOut(inPlaceOf current: StorePolicy?) {
        let clock = SystemClock.reading()
        guard order.condition.holds(for: current) else {
            return answer(.failure(Refusal(StateError.conflict(current: current))))
        }
        do throws(InvalidRecord) {
            try order.change.check(now: clock.wallTime)
        } catch {
            return answer(.failure(Refusal(StateError.invalid(error))))
        }
        guard let limit = shared.kept.limit(order.change, clock) else {
            return done(nil, current, ended: [])
        }
        let trial = StoreQuestion.tryLimit(order.change.key.storeKey, limit)
        shared.sessions.ended(by: trial, now: clock.now) { result in
            result.orProblem(answer) { done(nil, current, ended: $0) }
        }
    }

    private func done(_ policy: StorePolicy?, _ current: StorePolicy?, ended: [SessionRecord]) {
        answer(.success(PolicyOutcome(policy: policy, isNew: current == nil, ended: ended)))
    }
}
