use super::super::fake::table;
use super::*;

#[test]
fn the_handbook_in_policies_is_what_the_program_prints() {
    assert!(
        include_str!("../../../policies/RULES.md") == handbook(),
        "run `imgguard rules --markdown > policies/RULES.md`"
    );
}

#[test]
fn a_page_tells_meaning_settings_and_examples() {
    let rule = table().iter().find(|rule| rule.id == "size.total").expect("there");
    insta::assert_snapshot!(rule_page(rule), @r"
    ## `size.total`

    IG9999, deny unless the policy gives a level: is not as it should be.

    ### Why

    Because.

    ### Fix

    Change it.

    ### Settings

    | setting | value | default | meaning |
    |---|---|---|---|
    | `basis` | `compressed`, `uncompressed` | must be given | Which bytes count. |
    | `below` | text such as `1.8GB` | must be given | The image must stay below this. |
    | `warn-at` | text such as `1.8GB` | – | From here on a warning. |

    ### Flagged

    ```text
    user 0
    ```

    ### Passed

    With `{ports: [80/tcp]}`:

    ```text
    port 80/tcp
    ```
    ");
}

#[test]
fn every_rule_has_its_page_and_its_line_in_the_list() {
    let text = handbook_of(table());
    for rule in table() {
        assert!(text.contains(&format!("\n## `{}`\n", rule.id)), "{}", rule.id);
        assert!(text.contains(&format!("| [`{}`](#", rule.id)), "{}", rule.id);
    }
    assert!(text.contains("| `ports` | list of text | must be given | Ports with their protocol. |"), "{text}");
}

#[test]
fn the_example_at_the_top_is_a_policy() {
    let text = handbook();
    let example = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let team = |_: &str| Ok("version: 1\n".to_owned());
    let policy = super::super::parse(example, "imgguard.yaml", &mut { team });
    policy.unwrap_or_else(|errors| panic!("{}", super::super::render(&errors, false)));
}
