/* The intrusive list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/mem.h"

struct item {
	int value;
	struct list_node node;
};

static void
order_and_removal(void **state)
{
	struct item items[5];
	struct list_node *n, *tmp;
	struct list l;
	int sum = 0;

	(void)state;
	list_init(&l);
	assert_true(list_is_empty(&l));
	assert_null(list_first(&l));
	assert_null(list_last(&l));
	assert_null(list_pop_front(&l));
	for (int i = 0; i < 5; i++) {
		items[i] = (struct item){ .value = i };
		assert_false(list_is_linked(&items[i].node));
		list_push_back(&l, &items[i].node);
		assert_true(list_is_linked(&items[i].node));
	}
	assert_ptr_equal(list_first(&l), &items[0].node);
	assert_ptr_equal(list_last(&l), &items[4].node);
	LIST_FOREACH (n, tmp, &l) {
		struct item *it = LIST_ENTRY(n, struct item, node);

		sum = sum * 10 + it->value;
		if (it->value % 2 == 1)
			list_remove(n);
	}
	assert_int_equal(sum, 1234);
	list_remove(&items[1].node);
	list_push_front(&l, &items[3].node);
	assert_ptr_equal(list_pop_front(&l), &items[3].node);
	assert_ptr_equal(list_pop_front(&l), &items[0].node);
	list_insert_after(&items[2].node, &items[0].node);
	assert_ptr_equal(list_pop_front(&l), &items[2].node);
	assert_ptr_equal(list_pop_front(&l), &items[0].node);
	assert_ptr_equal(list_pop_front(&l), &items[4].node);
	assert_true(list_is_empty(&l));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
