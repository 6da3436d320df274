use proptest::prelude::*;

use super::*;
use crate::resource::lookup_key;

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn generic() -> TargetProfile {
    TargetProfile::builtin("generic").unwrap()
}

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

fn diff(applied: Value, desired: Value, clear: &[&str]) -> Value {
    json!(patch_operations(
        &generic(),
        ScimKind::User,
        &attributes(applied),
        &attributes(desired),
        &owned(clear)
    ))
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

#[test]
fn equal_attributes_need_no_operation() {
    let both = json!({ "userName": "a", "emails[type eq \"work\"].value": "x", "title": null });
    assert_eq!(diff(both.clone(), both, &[]), json!([]));
    assert_eq!(diff(json!({ "title": null }), json!({}), &["title"]), json!([]), "there surely is none");
    assert_eq!(diff(json!({}), json!({}), &["title"]), json!([]), "whoever asks reads first");
}

#[test]
fn what_is_neither_desired_nor_to_be_cleared_is_never_touched() {
    let (work, manager) = ("emails[type eq \"work\"].value", format!("{URN}:manager"));
    let applied =
        json!({ "title": "T", work: "x", manager.clone(): "1", "name.givenName": "A", "active": true });
    assert_eq!(diff(applied.clone(), json!({}), &[]), json!([]));
    let expected = json!([
        { "op": "replace", "path": "active", "value": false },
        { "op": "remove", "path": "title" },
    ]);
    assert_eq!(diff(applied, json!({ "active": false }), &["title"]), expected);
}

#[test]
fn what_is_desired_is_not_cleared() {
    assert_eq!(diff(json!({ "title": "T" }), json!({ "title": "T" }), &["title"]), json!([]));
    let replaced = json!([{ "op": "replace", "path": "title", "value": "U" }]);
    assert_eq!(diff(json!({ "title": "T" }), json!({ "title": "U" }), &["title"]), replaced);
    let removed = json!([{ "op": "remove", "path": "title" }]);
    assert_eq!(diff(json!({ "title": "T" }), json!({ "title": null }), &["title"]), removed);
}

#[test]
fn active_is_replaced_also_where_the_target_does_not_show_it() {
    let expected = json!([{ "op": "replace", "path": "active", "value": false }]);
    assert_eq!(diff(json!({}), json!({ "active": false }), &[]), expected);
    assert_eq!(diff(json!({ "active": null }), json!({ "active": false }), &[]), expected);
}

#[test]
fn active_comes_first_then_removals_replacements_and_additions() {
    let manager = format!("{URN}:manager");
    let applied = json!({ "active": true, "displayName": "A", "title": "T", manager.clone(): "1" });
    let desired = json!({ "active": false, "displayName": "B", "nickName": "N", manager.clone(): "2" });
    let expected = json!([
        { "op": "replace", "path": "active", "value": false },
        { "op": "remove", "path": "title" },
        { "op": "replace", "path": "displayName", "value": "B" },
        { "op": "replace", "path": manager, "value": { "value": "2" } },
        { "op": "add", "path": "nickName", "value": "N" },
    ]);
    assert_eq!(diff(applied, desired, &["title"]), expected);
}

#[test]
fn a_manager_is_removed_by_remove() {
    let manager = format!("{URN}:manager");
    let removed = json!([{ "op": "remove", "path": manager.clone() }]);
    assert_eq!(diff(json!({ manager.clone(): "1" }), json!({}), &[&manager]), removed);
}

#[test]
fn elements_of_which_nothing_was_applied_are_added_whole_and_together() {
    let desired = json!({ "emails[type eq \"home\"].value": "h", "emails[type eq \"work\"].value": "w" });
    let expected = json!([{ "op": "add", "path": "emails", "value": [
        { "type": "home", "value": "h" }, { "type": "work", "value": "w", "primary": true },
    ] }]);
    assert_eq!(diff(json!({}), desired, &[]), expected);
}

#[test]
fn an_element_that_is_there_is_changed_in_place_and_goes_with_its_value() {
    let work = "emails[type eq \"work\"].value";
    let replaced = json!([{ "op": "replace", "path": work, "value": "b" }]);
    assert_eq!(diff(json!({ work: "a" }), json!({ work: "b" }), &[]), replaced);
    let removed = json!([{ "op": "remove", "path": "emails[type eq \"work\"]" }]);
    assert_eq!(diff(json!({ work: "a" }), json!({}), &[work]), removed);
    let display = "emails[type eq \"work\"].display";
    let expected =
        json!([{ "op": "remove", "path": work }, { "op": "replace", "path": display, "value": "e" }]);
    assert_eq!(diff(json!({ work: "a", display: "d" }), json!({ display: "e" }), &[work]), expected);
}

#[test]
fn of_an_element_only_the_parts_that_are_mapped_are_touched() {
    let (city, country) = ("addresses[type eq \"work\"].locality", "addresses[type eq \"work\"].country");
    let street = "addresses[type eq \"work\"].streetAddress";
    let applied = json!({ city: "Oslo", street: "1" });
    let expected = json!([
        { "op": "remove", "path": city },
        { "op": "add", "path": country, "value": "NO" },
    ]);
    assert_eq!(diff(applied.clone(), json!({ country: "NO" }), &[city]), expected);
    assert_eq!(diff(applied, json!({}), &[city]), json!([{ "op": "remove", "path": city }]));
}

#[test]
fn a_required_attribute_falls_back_to_its_default_instead_of_being_removed() {
    let mut profile = TargetProfile::builtin("zscaler-zia").unwrap();
    profile.required.user[3].default = Some(json!("None"));
    let path = format!("{URN}:department");
    let (none, clear) = (AttributeMap::new(), vec![path.clone()]);
    let applied = attributes(json!({ path.clone(): "R&D" }));
    let expected = json!([{ "op": "replace", "path": path, "value": "None" }]);
    assert_eq!(json!(patch_operations(&profile, ScimKind::User, &applied, &none, &clear)), expected);
    assert!(patch_operations(&profile, ScimKind::User, &none, &none, &clear).is_empty());
    assert!(
        patch_operations(&profile, ScimKind::User, &applied, &none, &[]).is_empty(),
        "not mapped any more"
    );
}

#[test]
fn members_are_chunked_additions_first_and_never_mixed() {
    let mut profile = generic();
    profile.membership.members_per_request_max = 2;
    let ids = |range: std::ops::Range<i32>| range.map(|i| i.to_string()).collect::<Vec<_>>();
    let requests = member_ops(&profile, &ids(0..3), &ids(3..6));
    let expected = json!([
        [{ "op": "add", "path": "members", "value": [{ "value": "0" }, { "value": "1" }] }],
        [{ "op": "add", "path": "members", "value": [{ "value": "2" }] }],
        [{ "op": "remove", "path": "members[value eq \"3\"]" }, { "op": "remove", "path": "members[value eq \"4\"]" }],
        [{ "op": "remove", "path": "members[value eq \"5\"]" }],
    ]);
    assert_eq!(json!(requests), expected);
    profile.membership.operations_per_request_max = 1;
    assert_eq!(member_ops(&profile, &[], &ids(3..6)).len(), 3);
    profile.membership.remove_form = RemoveForm::ValueList;
    let requests = member_ops(&profile, &[], &ids(3..6));
    let first = json!({ "op": "remove", "path": "members", "value": [{ "value": "3" }, { "value": "4" }] });
    assert_eq!(json!(requests[0][0]), first);
    assert_eq!(requests.len(), 2);
    let chunks = member_chunks(&profile, &ids(0..1), &ids(5..6));
    assert_eq!((chunks[0].add.clone(), chunks[1].remove.clone()), (ids(0..1), ids(5..6)));
}

#[test]
fn a_member_id_cannot_break_out_of_its_quotes() {
    let requests = member_ops(&generic(), &[], &[r#"a"] or b\"#.to_owned()]);
    assert_eq!(requests[0][0].path(), r#"members[value eq "a\"] or b\\"]"#);
}

/// Applies operations strictly by RFC 7644 section 3.5.2: a path that selects nothing is an error.
fn apply(resource: &mut Map<String, Value>, op: &Value) {
    let path = AttributePath::parse(op["path"].as_str().unwrap()).unwrap();
    let holder = match &path.uri {
        Some(uri) => resource.entry(uri.clone()).or_insert_with(|| json!({})).as_object_mut().unwrap(),
        None => resource,
    };
    let remove = op["op"] == "remove";
    if path.element.is_empty() {
        let holder = match &path.sub {
            Some(_) => holder.entry(path.name.clone()).or_insert_with(|| json!({})).as_object_mut().unwrap(),
            None => holder,
        };
        let key = path.sub.clone().unwrap_or(path.name);
        match (op["op"].as_str().unwrap(), &op["value"]) {
            ("remove", _) => drop(holder.remove(&key).expect("noTarget")),
            ("add", Value::Array(more)) => {
                holder.entry(key).or_insert_with(|| json!([])).as_array_mut().unwrap().extend(more.clone());
            }
            (_, value) => drop(holder.insert(key, value.clone())),
        }
        return;
    }
    let list = holder.get_mut(&path.name).expect("noTarget").as_array_mut().unwrap();
    let matches = |e: &Value| {
        path.element.iter().all(|(name, want)| {
            matches!((lookup_key(e.as_object().unwrap(), name), want), (Some(Value::String(h)), ValueSelector::Text(t)) if h == t)
        })
    };
    let at = list.iter().position(matches).expect("noTarget");
    match &path.sub {
        None if remove => drop(list.remove(at)),
        None => list[at] = op["value"].clone(),
        Some(sub) if remove => drop(list[at].as_object_mut().unwrap().remove(sub).expect("noTarget")),
        Some(sub) => list[at][sub] = op["value"].clone(),
    }
}

/// Normalises a resource. The order of elements, empty holders and elements, and the list of schemas do not matter.
fn normal(mut resource: Value) -> Value {
    let map = resource.as_object_mut().unwrap();
    map.remove("schemas");
    for value in map.values_mut() {
        if let Value::Array(list) = value {
            list.retain(|e| e.as_object().unwrap().keys().any(|key| key != "type" && key != "primary"));
            list.sort_by_key(|v| v.to_string());
        }
    }
    map.retain(|_, v| *v != json!([]) && *v != json!({}));
    resource
}

/// Returns the attributes that must be present afterwards, by path. Attributes that no side mentions stay.
fn merged(applied: &AttributeMap, desired: &AttributeMap, clear: &[String]) -> AttributeMap {
    let mut all = applied.clone();
    all.retain(|path, _| !clear.contains(path));
    all.extend(desired.clone());
    all
}

fn some_paths() -> impl Strategy<Value = Vec<String>> {
    some_attributes().prop_map(|all| all.into_keys().filter(|path| path != "active").collect())
}

fn some_attributes() -> impl Strategy<Value = AttributeMap> {
    let paths = [
        "active".to_owned(),
        "userName".to_owned(),
        "name.givenName".to_owned(),
        "name.familyName".to_owned(),
        r#"emails[type eq "work"].value"#.to_owned(),
        r#"emails[type eq "home"].value"#.to_owned(),
        r#"addresses[type eq "work"].locality"#.to_owned(),
        r#"addresses[type eq "work"].country"#.to_owned(),
        r#"phoneNumbers[type eq "o\"dd]"].value"#.to_owned(),
        format!("{URN}:department"),
        format!("{URN}:manager"),
    ];
    let value = |path: String| {
        let values =
            if path == "active" { vec![json!(true), json!(false)] } else { vec![json!("a"), json!("b\"\\")] };
        prop::option::of(prop::sample::select(values)).prop_map(move |v| v.map(|v| (path.clone(), v)))
    };
    paths.map(value).to_vec().prop_map(|all| all.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn operations_change_what_is_desired_clear_what_is_to_be_cleared_and_leave_the_rest(
        applied in some_attributes(), desired in some_attributes(), clear in some_paths()
    ) {
        let profile = generic();
        let mut resource = to_resource(&profile, ScimKind::User, &applied);
        let operations = patch_operations(&profile, ScimKind::User, &applied, &desired, &clear);
        for op in json!(operations).as_array().unwrap() {
            apply(resource.as_object_mut().unwrap(), op);
        }
        let expected = merged(&applied, &desired, &clear);
        prop_assert_eq!(normal(resource), normal(to_resource(&profile, ScimKind::User, &expected)));
        prop_assert!(patch_operations(&profile, ScimKind::User, &expected, &desired, &clear).is_empty(), "once is enough");
    }

    #[test]
    fn a_put_leads_to_the_same_as_the_operations(
        applied in some_attributes(), desired in some_attributes(), clear in some_paths()
    ) {
        let profile = generic();
        let resource = to_resource(&profile, ScimKind::User, &applied);
        let put = crate::overlay_resource(&profile, ScimKind::User, resource.as_object().unwrap(), &desired, &clear);
        let expected = merged(&applied, &desired, &clear);
        prop_assert_eq!(normal(put.clone()), normal(to_resource(&profile, ScimKind::User, &expected)));
        let observed = crate::observe_resource(put.as_object().unwrap(), desired.keys());
        prop_assert_eq!(&observed, &desired);
        let gone: Vec<&String> = clear.iter().filter(|path| !desired.contains_key(*path)).collect();
        prop_assert!(crate::observe_resource(put.as_object().unwrap(), gone).values().all(Value::is_null));
    }
}
